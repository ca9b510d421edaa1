/** When something ends: by the wall clock or by the monotonic clock, whichever is first. */
export interface End {
  readonly wall: number;
  readonly monotonic: number;
}

/** What is used ends a little early, because its use takes time too. */
const MARGIN_MS = 2;

/** `before`: the end that this one replaces. An end that is no later must not prolong what is left by the monotonic clock. */
export function endOf(endsAt: number, before?: End): End {
  const wall = endsAt - MARGIN_MS;
  const most = before !== undefined && wall <= before.wall ? before.monotonic : Number.POSITIVE_INFINITY;
  return { wall, monotonic: Math.min(most, performance.now() + wall - Date.now()) };
}

export function isOver(end: End | undefined): boolean {
  return end !== undefined && msLeft(end) <= 0;
}

export function msLeft({ wall, monotonic }: End): number {
  return Math.min(wall - Date.now(), monotonic - performance.now());
}
