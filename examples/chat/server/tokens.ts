import { createHash } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import type { Identity } from 'roomgate';
import { checkedName } from '../names.js';

const ALGORITHM = 'HS256';

/** A login lasts for so long, and gives tokens for connections until then. */
export const LOGIN_SECONDS = 12 * 60 * 60;

/** What a token is for. A token of one kind is never accepted as one of the other. */
type Purpose = 'login' | 'connection';

/** Who signed in, and the id of that login, which is no secret. */
export interface Login {
  user: string;
  session: string;
}

/**
 * Signs and checks the tokens of both kinds. The page keeps the one of its login. With it, it fetches short ones for its connection,
 * so a token that somebody steals from a connection is soon useless.
 */
export class Tokens {
  readonly #key: Uint8Array;
  readonly #connectionSeconds: number;

  constructor(secret: string, connectionSeconds: number) {
    // The algorithm needs a key of this size. The secret may have any length.
    this.#key = createHash('sha256').update(secret).digest();
    this.#connectionSeconds = connectionSeconds;
  }

  forLogin(login: Login): Promise<string> {
    return this.#sign('login', login, LOGIN_SECONDS);
  }

  forConnection(login: Login): Promise<string> {
    return this.#sign('connection', login, this.#connectionSeconds);
  }

  /** Undefined if it is no token of a login, or an expired one. Never rejects, because a stranger may send anything. */
  async login(token: unknown): Promise<Login | undefined> {
    return this.#verify('login', token).catch(() => undefined);
  }

  /**
   * Who connects with this token, and until when. Undefined if it is none.
   * @throws jose's error about a forged or expired token. Roomgate refuses a client for such an error.
   */
  async identity(token: unknown): Promise<Identity | undefined> {
    return this.#verify('connection', token);
  }

  #sign(purpose: Purpose, { user, session }: Login, seconds: number): Promise<string> {
    return new SignJWT({ sid: session })
      .setProtectedHeader({ alg: ALGORITHM })
      .setSubject(user)
      .setAudience(purpose)
      .setIssuedAt()
      .setExpirationTime(Math.floor(Date.now() / 1_000) + seconds)
      .sign(this.#key);
  }

  async #verify(purpose: Purpose, token: unknown): Promise<(Login & { expiresAt: number }) | undefined> {
    if (typeof token !== 'string') return undefined;
    const checks = { algorithms: [ALGORITHM], audience: purpose, requiredClaims: ['sub', 'sid', 'exp'] };
    const { sub: user, sid, exp = 0 } = (await jwtVerify(token, this.#key, checks)).payload;
    // The rules for names may have changed since it was signed.
    if (!isName(user)) return undefined;
    // Tokens have seconds, identities have milliseconds.
    return { user, session: String(sid), expiresAt: exp * 1_000 };
  }
}

function isName(value: unknown): value is string {
  const checked = checkedName(value);
  return 'name' in checked && checked.name === value;
}
