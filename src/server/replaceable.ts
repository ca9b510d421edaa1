import type { TKeyOf, TReporter } from './ports.js';

/** By topic, what a message is about: of two that are about the same the newer is enough. */
export type TReplaceable = Readonly<Record<string, (data: unknown) => string | number>>;

/** The key under which a message takes the place of an earlier one; undefined for what no newer one may replace. */
export function keysOf(replaceable: TReplaceable | undefined, report: TReporter): TKeyOf | undefined {
  if (replaceable === undefined) return undefined;
  return ([topic, data]) => {
    if (typeof topic !== 'string' || !Object.hasOwn(replaceable, topic)) return undefined;
    try {
      return JSON.stringify([topic, replaceable[topic]?.(data)]);
    } catch (error) {
      report({ type: 'handler_failed', where: `replaceable["${topic}"]`, error });
      return undefined;
    }
  };
}
