import { createHash } from 'node:crypto';
import { decodeJwt, jwtVerify, SignJWT } from 'jose';
import { checkedName } from '../names.js';

const ALGORITHM = 'HS256';
const LIFETIME = '12h';

/** Signs and checks tokens. A token proves its owner's name. */
export class Tokens {
  readonly #key: Uint8Array;

  constructor(secret: string) {
    // The algorithm needs a key of this size. The secret may have any length.
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

  /** Whether this chat signed it, and it has not expired. Never rejects, because a stranger may send anything. */
  async isGood(token: unknown): Promise<boolean> {
    if (typeof token !== 'string') return false;
    return jwtVerify(token, this.#key, { algorithms: [ALGORITHM], requiredClaims: ['sub', 'exp'] }).then(
      // The rules for names may have changed since it was signed.
      ({ payload: { sub } }) => isName(sub),
      () => false,
    );
  }
}

/** The name in a token that `isGood` accepted. */
export function nameIn(token: string): string {
  const { sub } = decodeJwt(token);
  if (sub === undefined) throw new Error('nameIn() needs a token that isGood() accepted.');
  return sub;
}

function isName(value: unknown): boolean {
  const checked = checkedName(value);
  return 'name' in checked && checked.name === value;
}
