import { fieldsOf } from '../common/checks.js';

/** An `authenticated` message. */
export interface Authenticated {
  readonly user: string | undefined;
  readonly session: string | undefined;
  /** Milliseconds until the access ends; undefined if it does not end by itself. */
  readonly expiresIn: number | undefined;
  /** Whether this client was authenticated before on this connection, and has renewed its credentials. */
  readonly isRenewed: boolean;
}

/** Reads an `authenticated` message with checks, because a foreign server may send anything. */
export function readAuthenticated(payload: unknown): Authenticated {
  const { user, session, expiresIn, renewed } = fieldsOf(payload);
  return {
    user: typeof user === 'string' ? user : undefined,
    session: typeof session === 'string' ? session : undefined,
    expiresIn: typeof expiresIn === 'number' && expiresIn >= 0 ? expiresIn : undefined,
    isRenewed: renewed === true,
  };
}

/** Who this client is, by what the server has said last. */
export class Identity {
  #known: Pick<Authenticated, 'user' | 'session'> | undefined;

  /** Returns true if the client was another user before, or if only one of the two is known. */
  become({ user, session }: Authenticated): boolean {
    const isOther = this.#known !== undefined && this.#known.user !== user;
    this.#known = { user, session };
    return isOther;
  }

  forget(): void {
    this.#known = undefined;
  }

  /** For the status. */
  get shown(): { readonly user?: string; readonly session?: string } {
    const { user, session } = this.#known ?? {};
    return { ...(user === undefined ? {} : { user }), ...(session === undefined ? {} : { session }) };
  }
}
