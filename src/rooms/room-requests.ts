import type { Reporter } from '../ports/reports.js';
import type { IJoinAnswer, ILeaveAnswer } from '../protocol/messages.js';
import type { Session } from '../session/session.js';
import { readRequest } from './read-request.js';
import type { RoomsReport } from './reports.js';
import type { Rooms, RoomsVerdict } from './rooms.js';

/** What clients ask about rooms: each request goes to the flow, and its verdict is performed and answered here. */
export class RoomRequests {
  readonly #rooms: Rooms;
  readonly #report: Reporter<RoomsReport>;

  constructor(rooms: Rooms, report: Reporter<RoomsReport>) {
    this.#rooms = rooms;
    this.#report = report;
  }

  join(session: Session, args: readonly unknown[]): void {
    const { payload, acknowledge } = readRequest(args);
    const join = (rooms: string[]): Promise<void> | void => session.socket.join(rooms);
    this.#perform(session, 'join', this.#rooms.decideJoin(session, payload, join), async ({ granted, refused }) => {
      const answer: IJoinAnswer = { joined: [...granted], refused: [...refused] };
      if (granted.length > 0) this.#report({ type: 'rooms_joined', client: session.id, rooms: granted });
      acknowledge(answer);
    });
  }

  leave(session: Session, args: readonly unknown[]): void {
    const { payload, acknowledge } = readRequest(args);
    this.#perform(session, 'leave', this.#rooms.decideLeave(session, payload), async ({ granted, refused }) => {
      for (const room of granted) await leave(session, room);
      const answer: ILeaveAnswer = { left: [...granted], refused: [...refused] };
      if (granted.length > 0) this.#report({ type: 'rooms_left', client: session.id, rooms: granted });
      acknowledge(answer);
    });
  }

  #perform(
    session: Session,
    where: string,
    deciding: Promise<RoomsVerdict>,
    act: (verdict: RoomsVerdict) => Promise<void>,
  ): void {
    deciding
      .then(async (verdict) => {
        if (session.ended) return;
        const codes = [...new Set(verdict.refused.map(({ code }) => code))];
        if (codes.length > 0) this.#report({ type: 'rooms_refused', client: session.id, codes });
        await act(verdict);
      })
      .catch((error: unknown) => this.#report({ type: 'handler_failed', where, client: session.id, error }));
  }
}

function leave(session: Session, room: string): Promise<void> | void {
  session.isLeaving = true;
  try {
    return session.socket.leave(room);
  } finally {
    session.isLeaving = false;
  }
}
