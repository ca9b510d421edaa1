import { createHash } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import { nameSchema } from '../contract.js';

const ALGORITHM = 'HS256';

/** A login lasts for so long, and gives tokens for connections until then. */
export const LOGIN_SECONDS = 12 * 60 * 60;

/** What a token is for. A token of one kind is never accepted as one of the other. */
type Purpose = 'login' | 'connection';

/** Who signed in, and the id of that login, which is no secret. */
type Login = { user: string; session: string };

/** The rules for names may have changed since the token was signed. It has seconds, and identities have milliseconds. */
const claims = z
  .object({ sub: nameSchema, sid: z.string(), exp: z.number() })
  .transform(({ sub, sid, exp }) => ({ user: sub, session: sid, expiresAt: exp * 1_000 }));

/**
 * Signs and checks the tokens of both kinds. The page keeps the one of its login. With it, it fetches short ones for its connection,
 * so a token that somebody steals from a connection is soon useless.
 */
export class Tokens {
  readonly #key: Uint8Array;
  readonly #seconds: Readonly<Record<Purpose, number>>;

  constructor(secret: string, connectionSeconds: number) {
    // The algorithm needs a key of this size. The secret may have any length.
    this.#key = createHash('sha256').update(secret).digest();
    this.#seconds = { login: LOGIN_SECONDS, connection: connectionSeconds };
  }

  sign(purpose: Purpose, { user, session }: Login): Promise<string> {
    return new SignJWT({ sub: user, sid: session, aud: purpose })
      .setProtectedHeader({ alg: ALGORITHM })
      .setIssuedAt()
      .setExpirationTime(`${this.#seconds[purpose]}s`)
      .sign(this.#key);
  }

  /**
   * Who has this token, and until when.
   * @throws jose's error about anything else, such as a forged or expired token. Roomgate refuses a client for such an error.
   */
  async verify(purpose: Purpose, token: unknown): Promise<(Login & { expiresAt: number }) | undefined> {
    const text = typeof token === 'string' ? token : '';
    const { payload } = await jwtVerify(text, this.#key, { algorithms: [ALGORITHM], audience: purpose });
    return claims.safeParse(payload).data;
  }
}
