/** The three states of a client, with the same names on both ends. */
export class SocketIOClientStates {
  /** Not authenticated: before the client asked, after a refusal, and without a connection. */
  static readonly UNAUTHORIZED = 'unauthorized';
  /** The client asked, and has no answer yet. */
  static readonly AUTHENTICATING = 'authenticating';
  /** Authenticated: its events and rooms are open. */
  static readonly AUTHENTICATED = 'authenticated';

  /** All states, in the order in which a client passes them. */
  static readonly SCHEME_SET = new Set<string>([
    SocketIOClientStates.UNAUTHORIZED,
    SocketIOClientStates.AUTHENTICATING,
    SocketIOClientStates.AUTHENTICATED,
  ]);

  /** Whether `input` is one of the three states. */
  static isValid(input: unknown): input is TSocketIOClientState {
    return typeof input === 'string' && SocketIOClientStates.SCHEME_SET.has(input);
  }
}

/** The union of the strings and numbers that a class or object holds as constants. */
export type TConstValue<T extends object> = Extract<T[keyof T], string | number>;

/** One of the values of `SocketIOClientStates`. */
export type TSocketIOClientState = TConstValue<typeof SocketIOClientStates>;

const LEGAL_MOVES: Readonly<Record<TSocketIOClientState, readonly TSocketIOClientState[]>> = {
  unauthorized: ['authenticating'],
  authenticating: ['authenticated', 'unauthorized'],
  authenticated: ['unauthorized'],
};

/** Whether a client may change from one state to the other in one step. */
export function isLegalMove(from: TSocketIOClientState, to: TSocketIOClientState): boolean {
  return LEGAL_MOVES[from].includes(to);
}
