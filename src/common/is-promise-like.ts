/** Lets callers continue in the same tick if there is nothing to wait for. */
export function isPromiseLike<T>(value: Promise<T> | T): value is Promise<T>;
export function isPromiseLike(value: unknown): value is PromiseLike<unknown>;
export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value;
}
