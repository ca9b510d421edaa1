import { fieldsOf } from '../common/checks.js';

/**
 * Codes of jose's errors about a token. With the same token the same error comes again. Its other codes are about keys: the key set
 * could not be fetched (`ERR_JWKS_TIMEOUT`, `ERR_JOSE_GENERIC`) or is malformed (`ERR_JWKS_INVALID`, `ERR_JWK_INVALID`), which passes.
 * @see https://github.com/panva/jose/blob/main/docs/util/errors/README.md
 */
const JOSE_CODE = /^ERR_(?:JW[TSE]_|JWKS_(?:NO|MULTIPLE)_MATCHING_KEYS?$|JOSE_(?:ALG_NOT_ALLOWED|NOT_SUPPORTED)$)/;

/** @see https://github.com/auth0/node-jsonwebtoken#errors--codes */
const JSONWEBTOKEN_NAMES: ReadonlySet<unknown> = new Set(['JsonWebTokenError', 'TokenExpiredError', 'NotBeforeError']);

/** Unauthorized and Forbidden, as errors of HTTP have them. */
const HTTP_STATUSES: ReadonlySet<unknown> = new Set([401, 403]);

/** An error may wrap that of a library, and have itself as its cause. */
const MOST_CAUSES = 4;

/** Whether the error of `authenticateFn` is about a bad credential of the client, so that trying again can't help. */
export function saysCredentialIsBad(error: unknown): boolean {
  try {
    const { status, statusCode } = fieldsOf(error);
    // Only of the error itself: that of a cause may be about a credential of the server.
    if (HTTP_STATUSES.has(status) || HTTP_STATUSES.has(statusCode)) return true;
    return isAboutToken(error, MOST_CAUSES);
  } catch {
    // A getter threw.
    return false;
  }
}

function isAboutToken(error: unknown, causes: number): boolean {
  const { code, name, cause } = fieldsOf(error);
  if (JSONWEBTOKEN_NAMES.has(name) || (typeof code === 'string' && JOSE_CODE.test(code))) return true;
  return causes > 0 && cause !== undefined && isAboutToken(cause, causes - 1);
}
