import type { EventEmitter } from 'node:events';
import { guarded } from '@throughline/core/seam';
import { method, replaceMethods } from '../replace-methods.ts';
import { bindCallback } from './bind-callback.ts';

type Listener = (...args: unknown[]) => unknown;
type Add = (event: string | symbol, listener: Listener) => unknown;

/** The methods of `EventEmitter` that add listeners, and for the ones that add it for one event the one that they build on. */
const ADDING = {
  on: undefined,
  addListener: undefined,
  prependListener: undefined,
  once: 'on',
  prependOnceListener: 'prependListener',
} as const;
const BOUND = Symbol('Throughline bound emitter');
/** A class may implement one method that adds listeners by another. */
const standIns = new WeakSet<Listener>();

/**
 * Makes each listener that is added to this emitter from now on run in the context that is active when it is added, and
 * returns the emitter.
 *
 * The methods that add listeners are replaced on this one object; its class is not touched. `off` and `listenerCount` take the
 * original function, and `listeners` returns it. Binding an emitter again changes nothing. Never throws: what cannot be bound stays
 * as it is, and is reported to `diag`.
 *
 * @example
 * const parser = bindEmitter(busboy({ headers: req.headers }));
 * parser.on('file', save);
 */
export function bindEmitter<T extends EventEmitter>(emitter: T): T {
  guarded('an event emitter could not be bound', () => {
    const original = emitter as unknown as Record<string, Add>;
    // An `EventTarget` with the methods of an emitter, such as a `MessagePort`, does not find a listener by its original.
    if (typeof original.rawListeners !== 'function') throw new TypeError('it is no EventEmitter');
    const methods: PropertyDescriptorMap = {};
    for (const [name, base] of Object.entries(ADDING)) {
      const add = original[base ?? name] as Add;
      const bind: StandIn = base === undefined ? boundListener : boundOnce;
      methods[name] = method(function addBound(
        this: EventEmitter,
        event: string | symbol,
        listener: Listener,
      ) {
        const isOurs = typeof listener !== 'function' || standIns.has(listener);
        return Reflect.apply(add, this, [event, isOurs ? listener : bind(listener, this, event)]);
      });
    }
    replaceMethods(emitter, BOUND, methods);
  });
  return emitter;
}

type StandIn = (listener: Listener, emitter: EventEmitter, event: string | symbol) => Listener;

function boundListener(listener: Listener): Listener {
  return standIn(listener, bindCallback(listener));
}

/** The emitter's own `once` would wrap our stand-in and then look for that. */
function boundOnce(listener: Listener, emitter: EventEmitter, event: string | symbol): Listener {
  let fired = false;
  const once = bindCallback(function callOnce(this: unknown, ...args: unknown[]): unknown {
    if (fired) return undefined;
    fired = true;
    emitter.removeListener(event, once);
    return Reflect.apply(listener, this, args);
  });
  return standIn(listener, once);
}

/** An emitter finds a listener by the member `listener` of its stand-in, as it does for its own `once`. */
function standIn(listener: Listener, bound: Listener): Listener {
  standIns.add(bound);
  return Object.assign(bound, { listener });
}
