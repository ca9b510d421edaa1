/** What the end of a connection leads to: after an `unauthenticated`, or, to retry, after a timeout of this client. */
export type Ending = 'stay ended' | 'reconnect' | 'retry' | 'connect';

/** The facts about a connection that has ended. */
interface End {
  /** One of Socket.IO's reasons. */
  readonly reason: string;
  /** Known before the end, by a message of the server or by a timeout. */
  readonly ending: Ending | undefined;
  /** Whether Socket.IO keeps the connection up, so that neither side has ended it on purpose. */
  readonly isActive: boolean;
  /** Whether there will be another attempt without the program. */
  readonly isReturning: boolean;
}

/** `leave`: Socket.IO would reconnect, and must not. `end`: only the program can connect again. `wait`: Socket.IO reconnects. */
type NextStep = 'come back' | 'connect' | 'leave' | 'end' | 'wait' | 'none';

/** Decides the next step after an end. The endings are listed in docs/protocol.md. */
export function nextStep({ reason, ending, isActive, isReturning }: End): NextStep {
  if (ending === 'retry') return 'come back';
  if (ending === 'connect') return 'connect';
  if (reason === 'io client disconnect') return 'end';
  // The server has refused this client. It does not matter that the connection broke before the server closed it.
  if (ending === 'stay ended') return isActive ? 'leave' : 'none';
  if (ending === 'reconnect' && !isActive) return 'come back';
  return isActive && isReturning ? 'wait' : 'end';
}
