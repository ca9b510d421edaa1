import { isObject, wrongOption } from '../common/checks.js';
import { describe } from '../common/describe.js';
import type { KeyOf } from '../ports/fanout.js';
import type { Reporter } from '../ports/reports.js';
import type { FanoutReport } from './reports.js';

/** By topic, what a message is about: of two that are about the same the newer is enough. */
export type Replaceable = Readonly<Record<string, (data: unknown) => unknown>>;

/** @throws RoomgateError */
export function checkReplaceable(of: string, value: unknown): Replaceable | undefined {
  if (value === undefined) return undefined;
  if (!isObject(value)) throw wrongOption(of, 'replaceable', 'an object of functions', value);
  assertFunctions(of, value);
  return value;
}

function assertFunctions(of: string, value: Readonly<Record<string, unknown>>): asserts value is Replaceable {
  for (const [topic, nameOf] of Object.entries(value)) {
    if (typeof nameOf !== 'function') throw wrongOption(of, `replaceable.${topic}`, 'a function', nameOf);
  }
}

/** The key under which a message takes the place of an earlier one; undefined for what no newer one may replace. */
export function keysOf(replaceable: Replaceable | undefined, report: Reporter<FanoutReport>): KeyOf | undefined {
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
