/** The ends of the names of times, in Roomgate and in Socket.IO. All of them are in milliseconds. */
const TIME = /(Timeout|Interval|After)$/;
/** People write seconds up to a minute. As milliseconds these are too short for a real network; a test may use them. */
const MOST_SECONDS = 60;

/** The options, with their values, that are in milliseconds and were probably meant in seconds. `parent` contains the options. */
export function likelySeconds(given: object, parent?: string): readonly (readonly [option: string, ms: number])[] {
  const path = parent === undefined ? '' : `${parent}.`;
  return Object.entries(given).flatMap(([name, ms]: [string, unknown]) => {
    const isShort = typeof ms === 'number' && Number.isInteger(ms) && ms > 0 && ms <= MOST_SECONDS;
    return isShort && TIME.test(name) ? [[`${path}${name}`, ms] as const] : [];
  });
}
