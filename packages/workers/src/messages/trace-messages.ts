import { guarded, Scope, withMembers } from '@throughline/core/seam';
import { method, replaceMethods } from '../replace-methods.ts';
import { enclose, isEnvelope, runOpened } from './envelope.ts';

type Method = (this: unknown, ...args: unknown[]) => unknown;
type Listener = Method | { handleEvent(event: unknown): unknown };

const TRACED = Symbol('Throughline traced messages');
const ADDING = ['on', 'addListener', 'prependListener'];
/** Of an `EventEmitter`, these two add by `on` and `prependListener`. */
const ADDING_ONCE = ['once', 'prependOnceListener'];
const REMOVING = ['off', 'removeListener', 'removeEventListener'];
/** What `send` of a process accepts; it refuses the rest with its own error. */
const SENDABLE: ReadonlySet<string> = new Set(['string', 'object', 'number', 'boolean']);

/**
 * Makes an endpoint send the active context with each message, and run the listeners of `message` in the context that a message
 * brings. Returns the endpoint.
 *
 * An endpoint is a `Worker`, `parentPort`, a `MessagePort`, a `BroadcastChannel`, a `ChildProcess`, `process`, a worker of
 * `cluster` or `cluster` itself. Both sides do this, before they add listeners. A message without a context is sent and delivered as it is.
 * Transfer lists, handles and callbacks are passed on.
 *
 * @throws TypeError when the argument is no endpoint. Never throws afterwards.
 * @see https://nodejs.org/api/worker_threads.html#portpostmessagevalue-transferlist
 * @example
 * const worker = traceMessages(new Worker('./resize.js'));
 */
export function traceMessages<T extends object>(endpoint: T): T {
  const scope = new Scope('workers', 'traceMessages()');
  const original = endpoint as Record<string, Method>;
  const kind = endpoint === null ? 'null' : typeof endpoint;
  if (kind !== 'object' || !['on', 'addEventListener'].some((name) => typeof original[name] === 'function'))
    throw scope.error(`the argument must be a port, a worker, a channel or a process, got ${kind}`);
  guarded('the messages of an endpoint could not be traced', () =>
    replaceMethods(endpoint, TRACED, { ...sendingMethods(original), ...receivingMethods(original) }),
  );
  return endpoint;
}

function sendingMethods({ postMessage, send }: Record<string, Method>): PropertyDescriptorMap {
  const methods: PropertyDescriptorMap = {};
  if (typeof postMessage === 'function')
    methods.postMessage = method(function postEnclosed(this: unknown, ...args: unknown[]) {
      return Reflect.apply(
        postMessage,
        this,
        args.length === 0 ? args : [enclose(args[0]), ...args.slice(1)],
      );
    });
  if (typeof send === 'function')
    methods.send = method(function sendEnclosed(this: unknown, message: unknown, ...rest: unknown[]) {
      return Reflect.apply(send, this, [isForSending(message) ? enclose(message) : message, ...rest]);
    });
  return methods;
}

/** Whether it is a message of the application: those of Node to itself have a `cmd` with this prefix. */
function isForSending(message: unknown): boolean {
  const cmd = (message as { cmd?: unknown } | null | undefined)?.cmd;
  return SENDABLE.has(typeof message) && !(typeof cmd === 'string' && cmd.startsWith('NODE_'));
}

/** The methods that add and remove listeners. A listener has one stand-in, since the context comes with the message. */
function receivingMethods(original: Record<string, Method>): PropertyDescriptorMap {
  const ofValues = new StandIns(openingArguments);
  const ofEvents = new StandIns(openingEvent);
  const methods: PropertyDescriptorMap = {};
  const replace = (name: string, listenerFor: (listener: unknown) => unknown) => {
    const inherited = original[name];
    if (typeof inherited !== 'function') return;
    methods[name] = method(function listen(
      this: unknown,
      type: unknown,
      listener: unknown,
      ...rest: unknown[]
    ) {
      const given = type === 'message' ? listenerFor(listener) : listener;
      return Reflect.apply(inherited, this, [type, given, ...rest]);
    });
  };
  const isEmitter = typeof original.rawListeners === 'function';
  // An `EventTarget` adds by its `addEventListener` in the end.
  const isOurs = (listener: unknown) => ofValues.made(listener) || ofEvents.made(listener);
  const adding = (standIns: StandIns) => (listener: unknown) =>
    isOurs(listener) ? listener : standIns.of(listener);
  for (const name of isEmitter ? ADDING : [...ADDING, ...ADDING_ONCE]) replace(name, adding(ofValues));
  replace('addEventListener', adding(ofEvents));
  // An emitter finds the stand-in of a listener by itself, but not that of the function that its `once` makes.
  const isFound = (listener: unknown) => isEmitter && isListener(listener) && !('listener' in listener);
  for (const name of REMOVING)
    replace(name, (listener) =>
      isFound(listener) ? listener : (ofValues.known(listener) ?? ofEvents.known(listener) ?? listener),
    );
  if ('onmessage' in original) methods.onmessage = handlerProperty(original, ofEvents);
  return methods;
}

function handlerProperty(endpoint: object, standIns: StandIns): PropertyDescriptor {
  const prototype = Object.getPrototypeOf(endpoint) as object;
  let given: unknown = Reflect.get(prototype, 'onmessage', endpoint);
  return {
    configurable: true,
    enumerable: false,
    get: () => given,
    set(handler: unknown) {
      given = handler;
      Reflect.set(prototype, 'onmessage', standIns.of(handler), endpoint);
    },
  };
}

/** What stands in for listeners. */
class StandIns {
  readonly #made = new WeakMap<object, Method>();
  readonly #ours = new WeakSet<object>();
  readonly #open: (listener: Method) => Method;

  constructor(open: (listener: Method) => Method) {
    this.#open = open;
  }

  known(listener: unknown): Method | undefined {
    return isListener(listener) ? this.#made.get(listener) : undefined;
  }

  made(listener: unknown): boolean {
    return isListener(listener) && this.#ours.has(listener);
  }

  /** Returns what is no listener as it is, for the endpoint to refuse. */
  of(listener: unknown): unknown {
    if (!isListener(listener)) return listener;
    let standIn = this.#made.get(listener);
    if (standIn === undefined) {
      standIn = this.#open(
        typeof listener === 'function' ? listener : (event) => listener.handleEvent(event),
      );
      // By this member, an emitter finds the stand-in of a listener, and of one for a single event.
      Object.assign(standIn, { listener: (listener as { listener?: unknown }).listener ?? listener });
      this.#made.set(listener, standIn);
      this.#ours.add(standIn);
    }
    return standIn;
  }
}

function isListener(listener: unknown): listener is Listener {
  return typeof listener === 'function' || (typeof listener === 'object' && listener !== null);
}

/** For `cluster`, the message is the second argument. */
function openingArguments(listener: Method): Method {
  return function listenOpened(this: unknown, ...args: unknown[]): unknown {
    const at = args.findIndex(isEnvelope);
    return runOpened(args[at], (data) =>
      Reflect.apply(listener, this, at === -1 ? args : args.with(at, data)),
    );
  };
}

function openingEvent(listener: Method): Method {
  return function listenOpened(this: unknown, event: unknown): unknown {
    const received = event as MessageEvent;
    if (!isEnvelope(received.data)) return Reflect.apply(listener, this, [event]);
    return runOpened(received.data, (data) =>
      Reflect.apply(listener, this, [withMembers(received, { data })]),
    );
  };
}
