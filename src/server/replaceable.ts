import { isObject, wrongOption } from '../protocol/checks.js';
import { describe } from '../protocol/describe.js';
import type { TKeyOf, TReporter } from './ports.js';

/** By topic, what a message is about: of two that are about the same the newer is enough. */
export type TReplaceable = Readonly<Record<string, (data: unknown) => unknown>>;

/** @throws RoomgateError */
export function checkReplaceable(of: string, value: unknown): TReplaceable | undefined {
  if (value === undefined) return undefined;
  if (!isObject(value)) throw wrongOption(of, 'replaceable', 'an object of functions', value);
  for (const [topic, nameOf] of Object.entries(value)) {
    if (typeof nameOf !== 'function') throw wrongOption(of, `replaceable.${topic}`, 'a function', nameOf);
  }
  return value as TReplaceable;
}

/** The key under which a message takes the place of an earlier one; undefined for what no newer one may replace. */
export function keysOf(replaceable: TReplaceable | undefined, report: TReporter): TKeyOf | undefined {
  if (replaceable === undefined) return undefined;
  return ([topic, data]) => {
    if (typeof topic !== 'string' || !Object.hasOwn(replaceable, topic)) return undefined;
    try {
      const name = replaceable[topic]?.(data);
      if (typeof name === 'string' || Number.isFinite(name)) return JSON.stringify([topic, name]);
      // What an async function rejects with must end no process.
      void Promise.resolve(name).catch(() => {});
      // Anything else would be the same for messages that have nothing to do with each other: all of them would be lost but one.
      if (name !== undefined) throw new TypeError(`a string or a number is wanted, ${describe(name)} was given`);
    } catch (error) {
      report({ type: 'handler_failed', where: `replaceable["${topic}"]`, error });
    }
    return undefined;
  };
}
