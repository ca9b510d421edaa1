import { callSafely } from '../common/sink.js';
import type { Reporter } from '../ports/reports.js';
import { type IJoinAnswer, type ILeaveAnswer, type IRefusedRoom, refuseRoom } from '../protocol/messages.js';
import type { RecheckVerdict } from '../rooms/recheck.js';
import type { JoinedRooms, JoinVerdict, RoomsVerdict } from '../rooms/rooms.js';
import { Expiries } from '../session/expiry.js';
import type { Grant } from '../session/room-work.js';
import type { Session } from '../session/session.js';
import type { ClientMessages } from './client-messages.js';
import type { Acknowledge } from './inbound-rows.js';
import type { Report } from './reports.js';

/** A client in a room that it may be in up to a moment. */
class Stay implements Grant {
  since = 0;
  readonly session: Session;
  readonly room: string;
  readonly until: number;
  readonly #stays: Expiries<Stay>;

  constructor(session: Session, room: string, until: number, stays: Expiries<Stay>) {
    this.session = session;
    this.room = room;
    this.until = until;
    this.#stays = stays;
  }

  forget(): void {
    this.#stays.remove(this);
  }
}

/** Acts on verdicts about rooms. */
export class RoomPerformer {
  readonly #messages: ClientMessages;
  readonly #report: Reporter<Report>;
  readonly #stays = new Expiries<Stay>((stay) => this.#expire(stay));

  constructor(messages: ClientMessages, report: Reporter<Report>) {
    this.#messages = messages;
    this.#report = report;
  }

  /** Puts out each client whose grant of a room has ended. Costs one comparison if there is no such grant. */
  sweep(): void {
    this.#stays.sweep();
  }

  readonly join = async (session: Session, verdict: JoinVerdict): Promise<void> => {
    const rooms = verdict.claim();
    try {
      // Both begin in this tick: between them no other verdict counts.
      const leaving = rooms.lost.map((room) => session.leave(() => session.socket.leave(room)));
      const joining = this.#enter(session, rooms);
      await Promise.all([...leaving, joining]);
    } finally {
      verdict.end();
    }
  };

  /** A room that the program has put the client into stays the program's, whatever the guard says. */
  #enter(session: Session, { granted, ends }: JoinedRooms): Promise<void> | void {
    if (granted.length === 0) return;
    const { socket, roomWork } = session;
    const { rooms } = socket;
    const guarded = granted.filter((room) => !rooms.has(room) || roomWork.isGuarded(room));
    session.allow(granted);
    const joining = socket.join([...granted]);
    for (const room of guarded) this.#keep(session, room, ends.get(room) ?? Number.POSITIVE_INFINITY);
    return joining;
  }

  /** The client is in the room up to this moment. */
  #keep(session: Session, room: string, endsAt: number): void {
    if (endsAt === Number.POSITIVE_INFINITY) {
      session.roomWork.grant(room);
      return;
    }
    const stay = new Stay(session, room, endsAt, this.#stays);
    session.roomWork.grant(room, stay);
    this.#stays.add(stay, endsAt);
  }

  #expire({ session, room }: Stay): void {
    this.#putOut(session, [refuseRoom(room, 'room_expired')]);
  }

  readonly answerJoin = (session: Session, verdict: JoinVerdict, acknowledge: Acknowledge): void => {
    const { granted, refused } = verdict.claim();
    this.#reportRefused(session, 'join', refused);
    // Copied before the program sees the lists in a report.
    const answer: IJoinAnswer = { joined: [...granted], refused: [...refused] };
    if (granted.length > 0) this.#report({ type: 'rooms_joined', client: session.id, rooms: granted });
    acknowledge(answer);
  };

  /** Acts on a new decision about rooms that the client is in. */
  recheck(session: Session, { lost, kept }: RecheckVerdict): void {
    for (const [room, endsAt] of kept) this.#keep(session, room, endsAt);
    if (lost.length > 0) this.#putOut(session, lost);
  }

  /** The access of a client to a room was withdrawn. Returns false if the client was not in it. `text`: for its user. */
  revoke(session: Session, room: string, text: string | undefined): boolean {
    session.withhold(room);
    if (!session.authenticated || !session.socket.rooms.has(room)) return false;
    this.#putOut(session, [refuseRoom(room, 'revoked', text)]);
    return true;
  }

  /** The client leaves rooms, and is told why. */
  #putOut(session: Session, lost: readonly IRefusedRoom[]): void {
    const { id: client, socket } = session;
    const leave = (room: string) => () => session.leave(() => socket.leave(room));
    const failed = (error: unknown): void => this.#report({ type: 'handler_failed', where: 'leave', client, error });
    for (const { room } of lost) callSafely(leave(room), failed);
    this.#messages.roomsLost(session, lost);
    this.#report({ type: 'rooms_lost', client, rooms: codesOf(lost) });
  }

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
    this.#report({ type: 'rooms_refused', client, request, codes, rooms: codesOf(refused) });
  }
}

function codesOf(rooms: readonly IRefusedRoom[]): { room: string; code: string }[] {
  return rooms.map(({ room, code }) => ({ room, code }));
}
