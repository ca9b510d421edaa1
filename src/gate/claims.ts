import { isRecord } from '../common/checks.js';

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
