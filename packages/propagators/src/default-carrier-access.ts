import {
  defaultTextMapGetter,
  defaultTextMapSetter,
  type TextMapGetter,
  type TextMapSetter,
} from '@opentelemetry/api';
import { carrierGetter, carrierSetter } from '@throughline/carrier';

/**
 * Returns the getter to use: ours in place of the API's default one, which reads plain objects in lower case only, else
 * the given one.
 *
 * A process may hold the API twice, as CommonJS and as ES modules, so the default getter is recognized by its behaviour.
 */
export const chosenGetter = chooser<TextMapGetter>(defaultTextMapGetter, carrierGetter, readsProperties);

/** Returns the setter to use, by the same rule. */
export const chosenSetter = chooser<TextMapSetter>(defaultTextMapSetter, carrierSetter, writesProperties);

function chooser<Access extends object>(own: Access, ours: Access, isDefault: (given: Access) => boolean) {
  const choices = new WeakMap<Access, Access>();
  return function chosen(given: Access | undefined): Access {
    if (given === ours || given === own || given === undefined || given === null) return ours;
    if (typeof given !== 'object') return given;
    let choice = choices.get(given);
    if (choice === undefined) {
      choice = isDefault(given) ? ours : given;
      choices.set(given, choice);
    }
    return choice;
  };
}

const VALUE = 'value';
const NAMES = ['traceparent', 'X-Name', '0'];
const NONE = [null, undefined];

function readsProperties({ get, keys }: TextMapGetter): boolean {
  if (!isSelfContained(get) || !isSelfContained(keys)) return false;
  const carrier = Object.fromEntries(NAMES.map((name) => [name, VALUE]));
  return agrees(
    () =>
      NAMES.every((name) => get(carrier, name) === VALUE) &&
      get(carrier, 'x-name') === undefined &&
      NONE.every((none) => get(none, 'b3') === undefined && keys(none).length === 0) &&
      keys(carrier).join() === Object.keys(carrier).join(),
  );
}

function writesProperties({ set }: TextMapSetter): boolean {
  if (!isSelfContained(set)) return false;
  return agrees(() => {
    for (const none of NONE) set(none, 'b3', VALUE);
    return NAMES.every((name) => {
      const carrier: Record<string, unknown> = {};
      set(carrier, name, VALUE);
      return Object.keys(carrier).join() === name && carrier[name] === VALUE;
    });
  });
}

function agrees(probe: () => boolean): boolean {
  try {
    return probe();
  } catch {
    return false;
  }
}

const WORDS = new Set('function get set keys if else return null undefined void typeof Object'.split(' '));
const PARAMETERS = /^[^(]*\(([\w$\s,]*)\)/;

/**
 * Whether a function refers only to its own parameters. It can then be probed without an effect that its owner could see;
 * any other function is custom and stays in place.
 */
function isSelfContained(method: unknown): boolean {
  if (typeof method !== 'function') return false;
  const source = Function.prototype.toString.call(method);
  const parameters = new Set(PARAMETERS.exec(source)?.[1]?.split(/[\s,]+/));
  return (source.match(/[A-Za-z_$][\w$]*/g) ?? []).every((word) => WORDS.has(word) || parameters.has(word));
}
