/** Names the kind of a value without showing it: it can be secret, and can be large. */
export function describe(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'undefined';
  if (value === '') return 'an empty string';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : 'an array';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'function') return isClass(value) ? `the class ${value.name}` : 'a function';
  if (typeof value !== 'object') return `a ${typeof value}`;
  return isPromise(value) ? 'a promise' : `an object${ofItsClass(value)}`;
}

/** The fix for two common mistakes; otherwise empty. */
export function fixFor(value: unknown): string {
  if (isPromise(value)) return 'Await the promise first.';
  return isClass(value) ? 'Do not pass the class itself.' : '';
}

function isPromise(value: unknown): boolean {
  return (
    value instanceof Promise || (typeof value === 'object' && typeof Reflect.get(value ?? {}, 'then') === 'function')
  );
}

export function isClass(value: unknown): boolean {
  return typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value));
}

/** By its prototype: a peer can send an object with a `constructor`, but none with a prototype. */
function ofItsClass(value: object): string {
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
  return typeof name === 'string' && name !== '' && name !== 'Object' ? ` of the class ${name}` : '';
}
