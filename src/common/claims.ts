import { isRecord } from './checks.js';

/** Claims that differ between two tokens of the same login: when it was issued, its id, and when it is valid (RFC 7519). */
const OF_A_TOKEN: ReadonlySet<string> = new Set(['iat', 'jti', 'exp', 'nbf']);

/**
 * Whether two identities have the same claims, in any order, apart from those of the token itself. Values that are neither plain nor
 * primitive count as changed: asking the guard once too often harms nothing.
 */
export function haveSameClaims(one: unknown, other: unknown): boolean {
  try {
    return isSame(withoutToken(one), withoutToken(other));
  } catch {
    // They have a circle, or a getter threw.
    return false;
  }
}

/**
 * A text that is the same only for claims that are the same, apart from those of the token itself. In another order it differs, and a
 * claim that is undefined counts as a missing one. Undefined if there is no such text, because a value is neither plain nor primitive.
 */
export function textOfClaims(claims: unknown): string | undefined {
  try {
    return claims === undefined ? '' : JSON.stringify(withoutToken(claims), exactly);
  } catch {
    return undefined;
  }
}

/** What JSON would leave out or change: a `Date`, for example, is a string here already, and only the object has it as it was. */
function exactly(this: unknown, name: string, value: unknown): unknown {
  const original = Reflect.get(Object(this), name);
  const isExact =
    original === null ||
    (original === undefined && !Array.isArray(this)) ||
    ['string', 'boolean'].includes(typeof original) ||
    (typeof original === 'number' && Number.isFinite(original) && !Object.is(original, -0)) ||
    ((Array.isArray(original) || isPlain(original)) && original === value);
  if (isExact) return value;
  throw new TypeError('JSON has no such value.');
}

function withoutToken(claims: unknown): unknown {
  if (!isPlain(claims)) return claims;
  return Object.fromEntries(Object.entries(claims).filter(([name]) => !OF_A_TOKEN.has(name)));
}

function isSame(one: unknown, other: unknown): boolean {
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((entry, at) => isSame(entry, other[at]));
  }
  if (!isPlain(one) || !isPlain(other)) return !isRecord(one) && Object.is(one, other);
  const names = Object.keys(one);
  if (names.length !== Object.keys(other).length) return false;
  return names.every((name) => Object.hasOwn(other, name) && isSame(one[name], other[name]));
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (!isRecord(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
