import { isRenewable, type TUnauthenticatedCode } from '../protocol/errors.js';
import { SocketIOConstants } from '../protocol/events.js';
import type { Connection } from './connection.js';
import { type Authenticated, Identity } from './identity.js';
import type { Log } from './log.js';
import { Renewal } from './renewal.js';
import type { Unauthenticated } from './unauthenticated.js';

/** Refusals that are not about the credentials. */
const SPARED: ReadonlySet<string> = new Set(['timeout', 'user_changed'] satisfies TUnauthenticatedCode[]);

/** An `expired` this long before the end, by the clock of this client, can still be about the access that it has. */
const NEAR_END_MS = 1_000;

export interface AccessParts {
  readonly connection: Connection;
  /** Whether the server has authenticated this client on the present connection. */
  readonly isAuthenticated: () => boolean;
  /** `credentials` returned null for a renewal. */
  readonly signedOut: () => void;
  /** Milliseconds to wait for the server's answer to new credentials. */
  readonly answerMs: number;
  readonly log: Log;
}

/** Who this client is on its server, until when, and why the server has ended that. */
export class Access {
  /** Undefined without a function for credentials. */
  readonly renewal: Renewal | undefined;
  readonly #parts: AccessParts;
  readonly #identity = new Identity();
  #refusal: Pick<Unauthenticated, 'code' | 'message'> = { code: 'refused', message: '' };
  /** Whether it reconnected with new credentials, and has not been authenticated since. */
  #hasReturned = false;

  constructor(parts: AccessParts) {
    this.#parts = parts;
    const { connection, isAuthenticated, signedOut, answerMs, log } = parts;
    const { credentials } = connection;
    if (!credentials.isAsked) return;
    const send = (given: Record<string, unknown>): boolean => {
      if (!isAuthenticated() || !connection.emit(SocketIOConstants.EVENT_AUTHENTICATE, [given])) return false;
      credentials.sent(given);
      return true;
    };
    this.renewal = new Renewal({ read: () => credentials.renew(), send, signedOut, answerMs, log });
  }

  /** For the status. */
  get shown(): { readonly user?: string; readonly session?: string } {
    return this.#identity.shown;
  }

  /** What the server said when it refused this client last. */
  get refusal(): { readonly code: string; readonly message: string } {
    return this.#refusal;
  }

  /** The server has authenticated this client. Returns true if it is another user now. */
  begin(message: Authenticated): boolean {
    this.#hasReturned = false;
    this.#parts.connection.credentials.accepted();
    this.renewal?.start(message.expiresIn);
    return this.#identity.become(message);
  }

  /** The client has renewed its credentials on this connection. Returns true if it is another user now. */
  renewed(message: Authenticated): boolean {
    this.#parts.log.write('debug', 'renewed the credentials');
    this.#parts.connection.credentials.accepted();
    this.renewal?.start(message.expiresIn);
    return this.#identity.become(message);
  }

  /** The server asks for a renewal. */
  order(payload: unknown): void {
    if (this.#parts.isAuthenticated()) this.renewal?.order(payload);
  }

  /** The connection has ended. */
  stop(): void {
    this.renewal?.stop();
  }

  /** The server has ended the access. Returns true if this client may return once, with new credentials. */
  end({ code, message, isTemporary }: Unauthenticated): boolean {
    this.#refusal = { code, message };
    if (!isTemporary && !SPARED.has(code)) this.#parts.connection.credentials.refused(this.#refusedBy(code));
    this.stop();
    const mayReturn = !this.#hasReturned && isRenewable(code);
    if (mayReturn) this.#hasReturned = true;
    return mayReturn;
  }

  /** The credentials that this code is about. While a renewal has no answer yet, the access can end because of the earlier ones. */
  #refusedBy(code: string): 'sent' | 'accepted' {
    const { connection, isAuthenticated } = this.#parts;
    if (!isAuthenticated()) return 'sent';
    if (!connection.credentials.isUnanswered || code === 'revoked') return 'accepted';
    return code === 'expired' && (this.renewal?.leftMs ?? 0) < NEAR_END_MS ? 'accepted' : 'sent';
  }

  /** The program has signed out. */
  forget(): void {
    this.stop();
    this.#hasReturned = false;
    this.#identity.forget();
  }
}
