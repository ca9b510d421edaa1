/**
 * Whether a value that came in nests objects and lists deeper than `limit`. Walks level by level without recursion, as
 * what it guards against is just that, and stops at the first level that is too deep.
 */
export function deeperThan(value: unknown, limit: number): boolean {
  let level = isContainer(value) ? [value] : [];
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > limit) return true;
    level = level.flatMap(containersIn);
  }
  return false;
}

function containersIn(container: object): object[] {
  return (Array.isArray(container) ? container : Object.values(container)).filter(isContainer);
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) && !(value instanceof ArrayBuffer);
}
