import type { Reporter } from '../ports/reports.js';
import type { IJoinAnswer, ILeaveAnswer, IRefusedRoom } from '../protocol/messages.js';
import type { JoinVerdict, RoomsVerdict } from '../rooms/rooms.js';
import type { Session } from '../session/session.js';
import type { Acknowledge } from './inbound-rows.js';
import type { Report } from './reports.js';

/** Acts on verdicts about rooms. */
export class RoomPerformer {
  readonly #report: Reporter<Report>;

  constructor(report: Reporter<Report>) {
    this.#report = report;
  }

  readonly join = async ({ socket }: Session, verdict: JoinVerdict): Promise<void> => {
    const { granted } = verdict.claim();
    try {
      if (granted.length > 0) await socket.join([...granted]);
    } finally {
      verdict.end();
    }
  };

  readonly answerJoin = (session: Session, verdict: JoinVerdict, acknowledge: Acknowledge): void => {
    const { granted, refused } = verdict.claim();
    this.#reportRefused(session, 'join', refused);
    // Copied before the program sees the lists in a report.
    const answer: IJoinAnswer = { joined: [...granted], refused: [...refused] };
    if (granted.length > 0) this.#report({ type: 'rooms_joined', client: session.id, rooms: granted });
    acknowledge(answer);
  };

  readonly leave = async (session: Session, { granted, refused }: RoomsVerdict): Promise<void> => {
    this.#reportRefused(session, 'leave', refused);
    for (const room of granted) await session.leave(() => session.socket.leave(room));
  };

  readonly answerLeave = (session: Session, { granted, refused }: RoomsVerdict, acknowledge: Acknowledge): void => {
    const answer: ILeaveAnswer = { left: [...granted], refused: [...refused] };
    if (granted.length > 0) this.#report({ type: 'rooms_left', client: session.id, rooms: granted });
    acknowledge(answer);
  };

  #reportRefused({ id: client }: Session, request: 'join' | 'leave', refused: readonly IRefusedRoom[]): void {
    if (refused.length === 0) return;
    const codes = [...new Set(refused.map(({ code }) => code))];
    const rooms = refused.map(({ room, code }) => ({ room, code }));
    this.#report({ type: 'rooms_refused', client, request, codes, rooms });
  }
}
