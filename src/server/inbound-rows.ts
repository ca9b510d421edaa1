import type { PacketHandler } from '../gate/gate.js';
import type { IJoinAnswer, ILeaveAnswer } from '../protocol/messages.js';
import type { Session } from '../session/session.js';

/** When a client may cause an event. `gate/` enforces it for packets, and `session/` for the one attempt to authenticate. */
export type Allowed = 'always' | 'before authentication' | 'after authentication';

/** An event of a connection, a deadline or a budget. */
export interface Row<Input extends readonly unknown[], Verdict> {
  readonly allowed: Allowed;
  /** Input to verdict. Reads, and changes nothing. */
  readonly flow: (...input: Input) => Verdict;
  /** Acts on the verdict. */
  readonly perform: (...input: [...Input, Verdict]) => void;
}

/**
 * A packet of a socket. The flow changes no socket; in the session only whether its one attempt to authenticate is used up. Its
 * verdict is a word, because nothing may be allocated for each packet.
 */
export interface PacketRow extends PacketHandler {
  readonly allowed: Allowed;
}

/** An event that reaches Roomgate's own listener of that name. The flow may be asynchronous, and the session may end meanwhile. */
export interface EventRow<Verdict> {
  readonly allowed: Allowed;
  /** The `where` of the report if the flow or a step throws. */
  readonly where: string;
  /** Runs before the flow. Returns false if the event is to be ignored. */
  readonly begin?: (session: Session) => boolean;
  /** Input to verdict. Changes no socket; in the session only its work about rooms: which requests are pending. */
  readonly flow: (session: Session, payload: unknown) => Promise<Verdict> | Verdict;
  /** Steps that act on the verdict, one after another. None runs once the session has ended. */
  readonly perform: readonly Step<Verdict>[];
  /** Runs after the flow or a step threw. */
  readonly failed?: (session: Session) => void;
}

export type Acknowledge = (answer: IJoinAnswer | ILeaveAnswer) => void;
export type Step<Verdict> = (session: Session, verdict: Verdict, acknowledge: Acknowledge) => Promise<void> | void;

/** Runs a row whose flow decides immediately. */
export function run<Input extends readonly unknown[], Verdict>(row: Row<Input, Verdict>, ...input: Input): void {
  row.perform(...input, row.flow(...input));
}
