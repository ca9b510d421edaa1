// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it, vi } from 'vitest';
import type { ValidateRoomFn } from '../../src/ports/options.js';
import { DEFAULT_LIMITS } from '../../src/protocol/limits.js';
import { Guard } from '../../src/rooms/guard.js';
import { Recheck } from '../../src/rooms/recheck.js';
import { Rooms } from '../../src/rooms/rooms.js';
import { Session } from '../../src/session/session.js';

type Asked = Parameters<ValidateRoomFn>[0] & { answer: (rooms: readonly string[] | Error) => void };

/** A guard that answers on command, and clients in rooms that it granted. */
function setUp({
  onFailure = 'leave',
  guardTimeout = 60_000,
}: {
  onFailure?: 'leave' | 'keep';
  guardTimeout?: number;
} = {}) {
  const asked: Asked[] = [];
  const validateRoomFn: ValidateRoomFn = (opts) =>
    new Promise((resolve, reject) => {
      asked.push({ ...opts, answer: (it) => (it instanceof Error ? reject(it) : resolve(it)) });
    });
  const guard = new Guard({ validateRoomFn, guardTimeout, joinsInFlight: 64, report: () => {} });
  const recheck = new Recheck({ guard, onFailure });
  const findSockets = async () => new Map();
  const parts = { limits: DEFAULT_LIMITS, defaultRooms: [], hasSocket: () => false, findSockets, report: () => {} };
  const flow = new Rooms({ ...parts, guard });
  let clients = 0;
  const clientIn = (rooms: readonly string[], user?: string, claims?: unknown): Session => {
    clients += 1;
    const session = new Session({ id: `s${clients}`, rooms: new Set(rooms) } as never, {} as never);
    if (user !== undefined) session.identify({ user, issuedAt: clients, claims }, 0);
    for (const room of rooms) session.roomWork.grant(room);
    return session;
  };
  const lost: [string, string, string][] = [];
  const kept: string[] = [];
  const run = (sessions: Session[], room?: string): Promise<void> =>
    recheck.run(sessions, room, (session, verdict) => {
      kept.push(...verdict.kept.keys());
      for (const { room: it, code } of verdict.lost) {
        lost.push([session.id, it, code]);
        session.left(it);
      }
    });
  return { asked, flow, clientIn, run, lost, kept };
}

const isAsked = (asked: readonly Asked[], times: number) => vi.waitFor(() => expect(asked).toHaveLength(times));

describe('a recheck', () => {
  it('asks once for all clients of a user in the same rooms, and once for each other client', async () => {
    const { asked, clientIn, run, lost } = setUp();
    const clients = [
      clientIn(['a', 'b'], 'ann'),
      clientIn(['b', 'a'], 'ann'),
      clientIn(['a'], 'ann'),
      clientIn(['a', 'b'], 'bob'),
      clientIn(['a']),
      clientIn(['a']),
      clientIn([], 'ann'),
    ];
    const done = run(clients);
    await isAsked(asked, 5);
    expect(asked.map(({ socket, rooms }) => [socket.id, rooms])).toEqual([
      ['s1', ['a', 'b']],
      ['s3', ['a']],
      ['s4', ['a', 'b']],
      ['s5', ['a']],
      ['s6', ['a']],
    ]);
    for (const { rooms, answer } of asked) answer(rooms.filter((room) => room !== 'b'));
    await done;
    expect(lost).toEqual([
      ['s1', 'b', 'not_allowed'],
      ['s2', 'b', 'not_allowed'],
      ['s4', 'b', 'not_allowed'],
    ]);
  });

  it('asks for clients of a user apart if their claims differ, but not if only those of the token do', async () => {
    const { asked, clientIn, run } = setUp();
    void run([
      clientIn(['a'], 'ann', { role: 'admin', iat: 1, jti: 'x' }),
      clientIn(['a'], 'ann', { role: 'admin', iat: 2, jti: 'y' }),
      clientIn(['a'], 'ann', { role: 'guest', iat: 1, jti: 'x' }),
      clientIn(['a'], 'ann', { id: 1n }),
      clientIn(['a'], 'ann', { id: 1n }),
      clientIn(['a'], 'ann', { team: { exp: 1 } }),
      clientIn(['a'], 'ann', { team: { exp: 2 } }),
      clientIn(['a'], 'ann', { rights: new Set(['read']) }),
      clientIn(['a'], 'ann', { rights: new Set(['write']) }),
    ]);
    await isAsked(asked, 8);
    expect(asked.map(({ socket }) => socket.id)).toEqual(['s1', 's3', 's4', 's5', 's6', 's7', 's8', 's9']);
  });

  it('asks about one room only, if one is named', async () => {
    const { asked, clientIn, run } = setUp();
    void run([clientIn(['a', 'b'], 'ann'), clientIn(['b'], 'bob')], 'a');
    await isAsked(asked, 1);
    expect(asked[0]?.rooms).toEqual(['a']);
  });

  it('does not touch a room that its client left meanwhile, or one that has ended', async () => {
    const { asked, clientIn, run, lost } = setUp();
    const [one, two] = [clientIn(['a', 'b'], 'ann'), clientIn(['a', 'b'], 'ann')];
    const done = run([one, two]);
    await isAsked(asked, 1);
    one.left('a');
    two.end();
    asked[0]?.answer([]);
    await done;
    expect(lost).toEqual([['s1', 'b', 'not_allowed']]);
  });

  it('does not change the end of a grant for which the guard was asked later', async () => {
    const { asked, clientIn, run, lost, kept } = setUp();
    const client = clientIn(['a', 'b'], 'ann');
    const done = run([client]);
    await isAsked(asked, 1);
    client.roomWork.grant('a');
    asked[0]?.answer(['a', 'b']);
    await done;
    expect(kept).toEqual(['b']);
    expect(lost).toEqual([]);
  });

  it('asks with another client of the user if the one that it asked with leaves', async () => {
    const { asked, clientIn, run, lost } = setUp();
    const [one, two] = [clientIn(['a'], 'ann'), clientIn(['a'], 'ann')];
    const done = run([one, two]);
    await isAsked(asked, 1);
    one.end();
    asked[0]?.answer(new Error('aborted'));
    await isAsked(asked, 2);
    expect(asked[1]?.socket.id).toBe('s2');
    asked[1]?.answer(['a']);
    await done;
    expect(lost).toEqual([]);
  });

  it.each([
    ['leave', [['s1', 'a', 'guard_failed']]],
    ['keep', []],
  ] as const)('with onFailure.guard "%s", after an error and after guardTimeout', async (onFailure, expected) => {
    const failing = setUp({ onFailure });
    const done = failing.run([failing.clientIn(['a'])]);
    await isAsked(failing.asked, 1);
    failing.asked[0]?.answer(new Error('down'));
    await done;
    expect(failing.lost).toEqual(expected);
    const stuck = setUp({ onFailure, guardTimeout: 20 });
    await stuck.run([stuck.clientIn(['a'])]);
    expect(stuck.lost).toEqual(expected);
  });

  it('makes a pending join ask again, whose guard was asked before', async () => {
    const { asked, flow, clientIn, run } = setUp();
    const client = clientIn([]);
    const join = flow.decideJoin(client, { rooms: ['a', 'b'] });
    await isAsked(asked, 1);
    await run([client], 'a');
    asked[0]?.answer(['a', 'b']);
    await isAsked(asked, 2);
    expect(asked[1]?.rooms).toEqual(['a']);
    asked[1]?.answer([]);
    expect((await join).claim()).toMatchObject({ granted: ['b'], refused: [{ room: 'a', code: 'not_allowed' }] });
  });

  it('makes a join ask again that is pending when the room is refused', async () => {
    const { asked, flow, clientIn, run, lost } = setUp();
    const client = clientIn(['a']);
    const done = run([client]);
    await isAsked(asked, 1);
    const join = flow.decideJoin(client, { rooms: ['a'] });
    await isAsked(asked, 2);
    asked[0]?.answer([]);
    await done;
    expect(lost).toEqual([['s1', 'a', 'not_allowed']]);
    asked[1]?.answer(['a']);
    await isAsked(asked, 3);
    asked[2]?.answer([]);
    expect((await join).claim().granted).toEqual([]);
  });

  it('is not delayed by the requests of its client', async () => {
    const { asked, flow, clientIn, run } = setUp();
    const client = clientIn(['a']);
    for (let n = 0; n < 100; n++) void flow.decideJoin(client, { rooms: [`r${n}`] });
    await isAsked(asked, 64);
    void run([client]);
    await isAsked(asked, 65);
    expect(asked[64]?.rooms).toEqual(['a']);
  });

  it('asks for at most 256 users at a time', async () => {
    const { asked, clientIn, run } = setUp();
    void run(Array.from({ length: 300 }, (_, n) => clientIn(['a'], `user ${n}`)));
    await isAsked(asked, 256);
    asked[0]?.answer(['a']);
    await isAsked(asked, 257);
  });
});
