import { createHash } from 'node:crypto';
import { decodeJwt, jwtVerify, SignJWT } from 'jose';
import { checkedName } from '../names.js';

const ALGORITHM = 'HS256';
const LIFETIME = '12h';

/** Signs and checks the tokens with which people show their name. */
export class Tokens {
  readonly #key: Uint8Array;

  constructor(secret: string) {
    // A key of the size that the algorithm wants, however long the secret is.
    this.#key = createHash('sha256').update(secret).digest();
  }

  sign(name: string): Promise<string> {
    return new SignJWT()
      .setProtectedHeader({ alg: ALGORITHM })
      .setSubject(name)
      .setIssuedAt()
      .setExpirationTime(LIFETIME)
      .sign(this.#key);
  }

  /** Whether we signed it, and not too long ago. Never rejects, whatever a stranger gave. */
  async isGood(token: unknown): Promise<boolean> {
    if (typeof token !== 'string') return false;
    return jwtVerify(token, this.#key, { algorithms: [ALGORITHM], requiredClaims: ['sub', 'exp'] }).then(
      // The rules for names may have changed since it was signed.
      ({ payload: { sub } }) => isName(sub),
      () => false,
    );
  }
}

/** The name in a token that was found good before. */
export function nameIn(token: string): string {
  const { sub } = decodeJwt(token);
  if (sub === undefined) throw new Error('A token without a name was let in.');
  return sub;
}

function isName(value: unknown): boolean {
  const checked = checkedName(value);
  return 'name' in checked && checked.name === value;
}
