import { isRecord, wrongOption } from '../common/checks.js';
import { describe } from '../common/describe.js';
import type { KeyOf } from '../ports/fanout.js';
import type { Reporter } from '../ports/reports.js';
import type { FanoutReport } from './reports.js';

/** By topic, a function that names the subject of a message. A newer message replaces a queued one of the same subject. */
export type Replaceable = Readonly<Record<string, (data: unknown) => unknown>>;

/** @throws RoomgateError */
export function checkReplaceable(of: string, value: unknown): Replaceable | undefined {
  if (value === undefined) return undefined;
  if (!isRecord(value)) throw wrongOption(of, 'replaceable', 'an object of functions', value);
  assertFunctions(of, value);
  return value;
}

function assertFunctions(of: string, value: Readonly<Record<string, unknown>>): asserts value is Replaceable {
  for (const [topic, nameOf] of Object.entries(value)) {
    if (typeof nameOf !== 'function') throw wrongOption(of, `replaceable.${topic}`, 'a function', nameOf);
  }
}

/** The coalescing key of a message: a newer one replaces a queued one with the same key. Undefined if it is never replaced. */
export function keysOf(replaceable: Replaceable | undefined, report: Reporter<FanoutReport>): KeyOf | undefined {
  if (replaceable === undefined) return undefined;
  return ([topic, data]) => {
    if (typeof topic !== 'string' || !Object.hasOwn(replaceable, topic)) return undefined;
    try {
      const name = replaceable[topic]?.(data);
      if (typeof name === 'string' || Number.isFinite(name)) return JSON.stringify([topic, name]);
      // The rejection of an async function must not end the process.
      void Promise.resolve(name).catch(() => {});
      // Other values could be equal for unrelated messages, and all but one of those would be lost.
      if (name !== undefined) throw new TypeError(`expected a string or a number, received ${describe(name)}`);
    } catch (error) {
      report({ type: 'handler_failed', where: `replaceable["${topic}"]`, error });
    }
    return undefined;
  };
}
