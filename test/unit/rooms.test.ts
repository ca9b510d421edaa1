// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it, vi } from 'vitest';
import type { TSocketIOValidateRoomFn, ValidateRoomFn } from '../../src/ports/options.js';
import { DEFAULT_LIMITS } from '../../src/protocol/limits.js';
import { Guard } from '../../src/rooms/guard.js';
import type { RoomsReport } from '../../src/rooms/reports.js';
import { Rooms, type RoomsOptions, type RoomsVerdict } from '../../src/rooms/rooms.js';
import type { IdOwner } from '../../src/rooms/socket-search.js';
import { Session } from '../../src/session/session.js';
import { defer } from '../support/cleanup.js';

const OTHER_ID = 'abcdefghijABCDEFGHIJ';

interface SetUpOptions extends Partial<RoomsOptions> {
  validateRoomFn?: ValidateRoomFn | undefined;
  guardTimeout?: number;
}

function setUp(given: SetUpOptions = {}, rooms: string[] = ['self']) {
  const { validateRoomFn = ({ rooms: asked }) => asked, guardTimeout = 60_000, ...options } = given;
  const reports: RoomsReport[] = [];
  const report = (it: RoomsReport) => reports.push(it);
  const hasGuard = !('validateRoomFn' in given) || given.validateRoomFn !== undefined;
  const flow = new Rooms({
    limits: DEFAULT_LIMITS,
    defaultRooms: [],
    guard: hasGuard ? new Guard({ validateRoomFn, guardTimeout, joinsInFlight: 64, report }) : undefined,
    hasSocket: (id) => id === 'self',
    findSockets: async (ids) => new Map(ids.map((id) => [id, 'nowhere' as IdOwner])),
    report,
    ...options,
  });
  // The flow uses nothing of a socket except its rooms.
  const session = new Session({ id: 'self', rooms: new Set(rooms) } as never, {} as never);
  return { flow, session, reports };
}

/** Decides, and claims the granted rooms like the performer does. */
async function decideJoin(flow: Rooms, session: Session, payload: unknown): Promise<RoomsVerdict> {
  const verdict = await flow.decideJoin(session, payload);
  const rooms = verdict.claim();
  verdict.end();
  return rooms;
}

async function codesOf(options: SetUpOptions, payload: unknown): Promise<string[]> {
  const { flow, session } = setUp(options);
  const { granted, refused } = await decideJoin(flow, session, payload);
  return [...granted, ...refused.map(({ room, code }) => `${room}!${code}`)];
}

describe('join', () => {
  it('grants rooms that were both requested and returned', async () => {
    const validateRoomFn = () => ['b', 'never-asked', 7 as never];
    expect(await codesOf({ validateRoomFn }, { rooms: ['a', 'b', 'b'] })).toEqual(['b', 'a!not_allowed']);
  });

  it('refuses every room without a guard, and reports that once', async () => {
    const { flow, session, reports } = setUp({ validateRoomFn: undefined });
    for (const room of ['a', 'b']) {
      const { refused } = await decideJoin(flow, session, { rooms: [room] });
      expect(refused).toMatchObject([{ room, code: 'not_allowed' }]);
    }
    expect(reports).toEqual([{ type: 'validate_room_fn_missing', client: 'self' }]);
  });

  it.each([
    ['booleans', [true], 'an array of true'],
    ['objects without a room', [{ name: 'a' }], 'an array of an object'],
  ])('refuses and reports a list of %s', async (_, allowed, received) => {
    const { flow, session, reports } = setUp({ validateRoomFn: () => allowed as never });
    expect(await decideJoin(flow, session, { rooms: ['a'] })).toMatchObject({ refused: [{ code: 'not_allowed' }] });
    expect(reports).toMatchObject([{ type: 'validate_room_fn_result_invalid', received }]);
  });

  it('grants, refuses and reports each entry of a list for itself', async () => {
    const until = Date.now() + 60_000;
    const validateRoomFn: ValidateRoomFn = () => [
      ...['a', { room: 'b', until }, { room: 'c', refused: 'not_invited', retry: true }, { room: 'z', refused: 'x' }],
      ...[{ room: 'd', refused: 'left' }],
    ];
    const { flow, session, reports } = setUp({ validateRoomFn });
    const verdict = await flow.decideJoin(session, { rooms: ['a', 'b', 'c', 'd', 'e'] });
    expect(verdict.claim()).toEqual({
      granted: ['a', 'b'],
      ends: new Map([['b', until]]),
      lost: [],
      refused: [
        { room: 'c', code: 'not_invited', message: expect.any(String), retry: true },
        { room: 'd', code: 'not_allowed', message: expect.any(String) },
        { room: 'e', code: 'not_allowed', message: expect.any(String) },
      ],
    });
    expect(reports).toMatchObject([
      { type: 'validate_room_fn_result_invalid', problem: expect.stringContaining('left') },
    ]);
  });

  it('passes the identity of the client to the guard', async () => {
    const asked: unknown[] = [];
    const validateRoomFn: ValidateRoomFn = ({ identity, rooms }) => {
      asked.push(identity);
      return rooms;
    };
    const { flow, session } = setUp({ validateRoomFn });
    await decideJoin(flow, session, { rooms: ['a'] });
    const ann = { user: 'ann', issuedAt: 1 };
    session.identify(ann, 0);
    await decideJoin(flow, session, { rooms: ['a'] });
    expect(asked).toEqual([undefined, ann]);
  });

  it('names granted rooms that the guard refuses now as lost, unless it failed', async () => {
    let answer: () => string[] = () => [];
    const { flow, session } = setUp({ validateRoomFn: () => answer() }, ['self', 'a', 'b']);
    session.roomWork.grant('a');
    const { lost, refused } = (await flow.decideJoin(session, { rooms: ['a', 'b'] })).claim();
    expect(refused).toHaveLength(2);
    expect(lost).toEqual(['a']);
    answer = () => {
      throw new Error('down');
    };
    expect((await flow.decideJoin(session, { rooms: ['a'] })).claim().lost).toEqual([]);
  });

  it('reports nothing about a list that grants nothing', async () => {
    const { flow, session, reports } = setUp({ validateRoomFn: () => [] });
    await decideJoin(flow, session, { rooms: ['a'] });
    expect(reports).toEqual([]);
  });

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a string', 'abc'],
    ['a list', ['a']],
    ['rooms as a string', { rooms: 'abc' }],
    ['a number among rooms', { rooms: ['a', 1] }],
    ['nested lists', { rooms: [['a']] }],
    ['rooms that are inherited', Object.create({ rooms: ['a'] })],
  ])('refuses %s as a whole, and names the expected shape', async (_, payload) => {
    const { flow, session } = setUp();
    const { granted, refused } = await decideJoin(flow, session, payload);
    expect(granted).toEqual([]);
    expect(refused).toEqual([
      { room: '', code: 'invalid_payload', message: expect.stringContaining('rooms: string[]') },
    ]);
  });

  it('refuses a request for more rooms than the limit', async () => {
    const rooms = Array.from({ length: 257 }, (_, index) => `r${index}`);
    expect(await codesOf({}, { rooms })).toEqual(['!too_many_rooms']);
    expect(await codesOf({}, { rooms: rooms.slice(1) })).toEqual(rooms.slice(1));
  });

  it('refuses empty, too long and internal names one by one', async () => {
    const rooms = ['', 'x'.repeat(255), 'x'.repeat(256), 'roomgate:presence', 'ok'];
    expect(await codesOf({}, { rooms })).toEqual([
      'x'.repeat(255),
      'ok',
      '!invalid_name',
      `${'x'.repeat(256)}!name_too_long`,
      'roomgate:presence!reserved_name',
    ]);
  });

  it('counts joined and pending rooms, but not default rooms', async () => {
    const limits = { ...DEFAULT_LIMITS, roomsPerClient: 3 };
    let open: (rooms: string[]) => void = () => {};
    const first = new Promise<string[]>((resolve) => {
      open = resolve;
    });
    let calls = 0;
    const validateRoomFn: TSocketIOValidateRoomFn = ({ rooms }) => (calls++ === 0 ? first : rooms);
    const { flow, session } = setUp({ limits, defaultRooms: ['lobby'], validateRoomFn }, ['self', 'lobby', 'a']);
    const pending = decideJoin(flow, session, { rooms: ['b'] });
    const second = await decideJoin(flow, session, { rooms: ['a', 'c', 'd'] });
    open(['b']);
    expect(second.granted).toEqual(['a', 'c']);
    expect(second.refused.map(({ room, code }) => [room, code])).toEqual([['d', 'room_limit']]);
    expect((await pending).granted).toEqual(['b']);
    expect(session.roomWork.names).toBe(0);
  });

  it('limits pending rooms, even those that the client is in', async () => {
    let asked = 0;
    const validateRoomFn = () => {
      asked++;
      return new Promise<string[]>(() => {});
    };
    const limits = { ...DEFAULT_LIMITS, roomsPerClient: 3 };
    const { flow, session } = setUp({ limits, defaultRooms: ['lobby'], validateRoomFn }, ['self', 'lobby']);
    const answers = Array.from({ length: 5 }, () => decideJoin(flow, session, { rooms: ['lobby'] }));
    for (const answer of answers.slice(3)) {
      expect(await answer).toMatchObject({ granted: [], refused: [{ code: 'room_limit' }] });
    }
    expect(asked).toBe(3);
  });

  it('does not grant a room that the client left during the decision', async () => {
    let open: (rooms: string[]) => void = () => {};
    const validateRoomFn = () =>
      new Promise<string[]>((resolve) => {
        open = resolve;
      });
    const { flow, session } = setUp({ validateRoomFn });
    const join = decideJoin(flow, session, { rooms: ['a', 'b'] });
    const leave = await flow.decideLeave(session, { rooms: ['a'] });
    await Promise.resolve();
    open(['a', 'b']);
    expect(leave.granted).toEqual(['a']);
    const { granted, refused } = await join;
    expect(granted).toEqual(['b']);
    expect(refused).toMatchObject([{ room: 'a', code: 'left' }]);
  });

  it('does not grant a room that the program removes between decision and join', async () => {
    const { flow, session } = setUp();
    const verdict = await flow.decideJoin(session, { rooms: ['a', 'b'] });
    session.takeBack('a');
    const { granted, refused } = verdict.claim();
    expect(granted).toEqual(['b']);
    expect(refused).toMatchObject([{ room: 'a', code: 'left' }]);
    expect(verdict.claim().refused).toHaveLength(1);
  });

  it('counts a room until its join is carried out, and only once', async () => {
    const { flow, session } = setUp();
    const verdict = await flow.decideJoin(session, { rooms: ['a', 'b'] });
    expect(session.roomWork.names).toBe(2);
    verdict.end();
    verdict.end();
    expect(session.roomWork.names).toBe(0);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('secret');
      },
    ],
    ['rejects', () => Promise.reject(new Error('secret'))],
  ])('refuses when the guard %s, retryable, without its text', async (_, validateRoomFn) => {
    const { flow, session, reports } = setUp({ validateRoomFn });
    const { granted, refused } = await decideJoin(flow, session, { rooms: ['a'] });
    expect(granted).toEqual([]);
    expect(refused).toMatchObject([{ room: 'a', code: 'guard_failed' }]);
    expect(JSON.stringify(refused)).not.toContain('secret');
    expect(reports).toMatchObject([{ type: 'validate_room_fn_failed', client: 'self' }]);
  });

  it('refuses every room if the guard returns no array: a string would join each letter', async () => {
    const { flow, session, reports } = setUp({ validateRoomFn: () => 'a' as never });
    expect(await decideJoin(flow, session, { rooms: ['a'] })).toMatchObject({
      granted: [],
      refused: [{ code: 'not_allowed' }],
    });
    expect(reports).toMatchObject([{ type: 'validate_room_fn_result_invalid', received: 'a string' }]);
  });
});

describe('rooms named like a socket’s id', () => {
  it('are refused if the socket is here, whatever the name looks like', async () => {
    expect(await codesOf({}, { rooms: ['self'] })).toEqual(['self!socket_id']);
  });

  it.each([
    ['elsewhere', `${OTHER_ID}!socket_id`],
    ['unanswered', `${OTHER_ID}!cluster_unanswered`],
    ['nowhere', OTHER_ID],
  ] as const)('depend on the cluster’s answer: %s', async (owner, outcome) => {
    const asked: string[][] = [];
    const findSockets: RoomsOptions['findSockets'] = async (ids) => {
      asked.push([...ids]);
      return new Map(ids.map((id) => [id, owner]));
    };
    expect(await codesOf({ findSockets }, { rooms: ['plain', OTHER_ID] })).toContain(outcome);
    expect(asked).toEqual([[OTHER_ID]]);
  });

  it('are looked up a few at a time for one client, each with its own timeout', async () => {
    const open: { ids: readonly string[]; timeoutMs: number; answer: () => void }[] = [];
    const findSockets: RoomsOptions['findSockets'] = (ids, timeoutMs) =>
      new Promise((resolve) => {
        open.push({ ids, timeoutMs, answer: () => resolve(new Map(ids.map((id) => [id, 'nowhere']))) });
      });
    const { flow, session } = setUp({ findSockets });
    const names = Array.from({ length: 6 }, (_, index) => `${OTHER_ID.slice(0, -1)}${index}`);
    const answers = names.map((room) => decideJoin(flow, session, { rooms: [room] }));
    await vi.waitFor(() => expect(open).toHaveLength(4));
    for (let index = 0; index < names.length; index++) {
      await vi.waitFor(() => expect(open.length).toBeGreaterThan(index));
      expect(open.length - index).toBeLessThanOrEqual(4);
      open[index]?.answer();
    }
    expect((await Promise.all(answers)).flatMap(({ granted }) => granted)).toEqual(names);
    for (const { timeoutMs } of open) expect(timeoutMs).toBeLessThanOrEqual(1_000);
  });

  it('can not be left, whether it is the client’s own room or one that the program joined', async () => {
    const findSockets: RoomsOptions['findSockets'] = async (ids) => new Map(ids.map((id) => [id, 'elsewhere']));
    const { flow, session } = setUp({ findSockets }, ['self', OTHER_ID, 'a']);
    const { granted, refused } = await flow.decideLeave(session, { rooms: ['self', OTHER_ID, 'a'] });
    expect(granted).toEqual(['a']);
    expect(refused.map(({ room, code }) => [room, code])).toEqual([
      ['self', 'socket_id'],
      [OTHER_ID, 'socket_id'],
    ]);
  });
});

describe('the pending work of one client', () => {
  /** A guard that answers on command. */
  function slowGuard() {
    const running: (() => void)[] = [];
    const asked: string[][] = [];
    const validateRoomFn: TSocketIOValidateRoomFn = ({ rooms }) => {
      asked.push([...rooms]);
      return new Promise((resolve) => running.push(() => resolve(rooms)));
    };
    return { running, asked, validateRoomFn };
  }
  const limits = { ...DEFAULT_LIMITS, roomsPerClient: 100 };

  it('counts until it settles: leave() frees no place', async () => {
    const { running, asked, validateRoomFn } = slowGuard();
    const { flow, session } = setUp({ validateRoomFn, limits });
    const answers = [];
    for (let n = 0; n < 500; n++) {
      answers.push(decideJoin(flow, session, { rooms: [`r${n}`] }));
      await flow.decideLeave(session, { rooms: [`r${n}`] });
    }
    await vi.waitFor(() => expect(running).toHaveLength(64));
    for (let n = 0; n < 100; n++) {
      await vi.waitFor(() => expect(running.length).toBeGreaterThan(n));
      running[n]?.();
    }
    const codes = (await Promise.all(answers)).flatMap(({ refused }) => refused.map(({ code }) => code));
    expect(codes.filter((code) => code === 'room_limit')).toHaveLength(400);
    expect(codes.filter((code) => code === 'left')).toHaveLength(100);
    expect(asked).toHaveLength(100);
    // All requests are settled, so another one is allowed.
    const last = decideJoin(flow, session, { rooms: ['last'] });
    await vi.waitFor(() => expect(running).toHaveLength(101));
    running[100]?.();
    expect((await last).granted).toEqual(['last']);
  });

  it('passes 64 rooms at a time to the guard, and none after the client has gone', async () => {
    const { running, asked, validateRoomFn } = slowGuard();
    const { flow, session } = setUp({ validateRoomFn, limits });
    const answers = Array.from({ length: 70 }, (_, n) => decideJoin(flow, session, { rooms: [`r${n}`] }));
    await vi.waitFor(() => expect(running).toHaveLength(64));
    session.end();
    for (const answer of running) answer();
    await Promise.all(answers);
    expect(asked).toHaveLength(64);
  });

  it('passes as many rooms at a time to the guard as limits.joinsInFlight says', async () => {
    const { running, validateRoomFn } = slowGuard();
    const guard = new Guard({ validateRoomFn, guardTimeout: 60_000, joinsInFlight: 2, report: () => {} });
    const { flow, session } = setUp({ guard });
    const answers = Array.from({ length: 5 }, (_, n) => decideJoin(flow, session, { rooms: [`r${n}`] }));
    for (const most of [2, 4, 5]) {
      await vi.waitFor(() => expect(running).toHaveLength(most));
      await new Promise((resolve) => setImmediate(resolve));
      expect(running).toHaveLength(most);
      for (const answer of running) answer();
    }
    expect(await Promise.all(answers)).toHaveLength(5);
  });

  it('waits in a bounded queue: a request that would be answered too late is not asked', async () => {
    let asked = 0;
    const findSockets: RoomsOptions['findSockets'] = () => {
      asked += 1;
      return new Promise(() => {});
    };
    const { flow, session } = setUp({ findSockets });
    const codes: string[] = [];
    for (let n = 0; n < 200; n++) {
      const room = `${OTHER_ID.slice(0, -3)}${String(n).padStart(3, '0')}`;
      void decideJoin(flow, session, { rooms: [room] }).then(({ refused }) =>
        codes.push(...refused.map(({ code }) => code)),
      );
    }
    await vi.waitFor(() => expect(codes).toHaveLength(200 - 64 - 4));
    expect(new Set(codes)).toEqual(new Set(['cluster_unanswered']));
    expect(asked).toBe(4);
  });

  it('is limited for all clients together, and a client without a running guard still gets its turn', async () => {
    const { running, validateRoomFn } = slowGuard();
    const { flow } = setUp({ validateRoomFn });
    const sessionOf = (n: number) => new Session({ id: `s${n}`, rooms: new Set([`s${n}`]) } as never, {} as never);
    const codes: string[] = [];
    const sessions = Array.from({ length: 157 }, (_, n) => sessionOf(n));
    for (const session of sessions) {
      for (let n = 0; n < 64; n++) {
        void decideJoin(flow, session, { rooms: [`r${n}`] }).then(({ refused }) =>
          codes.push(...refused.map(({ code }) => code)),
        );
      }
    }
    await vi.waitFor(() => expect(running.length).toBe(10_000));
    await vi.waitFor(() => expect(codes).toHaveLength(157 * 64 - 10_000));
    expect(new Set(codes)).toEqual(new Set(['guard_failed']));
    const honest = decideJoin(flow, sessionOf(1_000), { rooms: ['r'] });
    await vi.waitFor(() => expect(running).toHaveLength(10_001));
    running.at(-1)?.();
    expect((await honest).granted).toEqual(['r']);
  });
});

describe('a guard that does not settle', () => {
  const never = () => new Promise<never>(() => {});

  it('is given up after guardTimeout: its rooms are refused, its signal aborts, and it is reported', async () => {
    let signal: AbortSignal | undefined;
    const validateRoomFn: ValidateRoomFn = (opts) => {
      signal = opts.signal;
      expect(signal.aborted).toBe(false);
      return never();
    };
    const { flow, session, reports } = setUp({ validateRoomFn, guardTimeout: 20 });
    expect(await decideJoin(flow, session, { rooms: ['a'] })).toMatchObject({
      granted: [],
      refused: [{ room: 'a', code: 'guard_failed' }],
    });
    expect(signal?.reason).toMatchObject({ code: 'timed_out', message: expect.stringContaining('20 ms') });
    expect(reports).toEqual([{ type: 'validate_room_fn_unanswered', client: 'self', afterMs: 20 }]);
  });

  it('frees its place among the guards of its client', async () => {
    const { flow, session } = setUp({ validateRoomFn: never, guardTimeout: 20 });
    const answers = Array.from({ length: 65 }, (_, n) => decideJoin(flow, session, { rooms: [`r${n}`] }));
    const codes = (await Promise.all(answers)).flatMap(({ refused }) => refused.map(({ code }) => code));
    expect(codes).toEqual(Array(65).fill('guard_failed'));
    expect(session.roomWork.guards(64).held).toBe(0);
    expect(session.roomWork.unsettledGuards).toBe(65);
  });

  it('counts for the limit of all guards until it settles, even if it rejects then', async () => {
    const rejects: ((error: Error) => void)[] = [];
    const validateRoomFn: ValidateRoomFn = () => new Promise((_, reject) => rejects.push(reject));
    const { flow, session, reports } = setUp({ validateRoomFn, guardTimeout: 20 });
    await decideJoin(flow, session, { rooms: ['a'] });
    expect(session.roomWork.unsettledGuards).toBe(1);
    rejects[0]?.(new Error('too late'));
    await vi.waitFor(() => expect(session.roomWork.unsettledGuards).toBe(0));
    expect(reports.map(({ type }) => type)).toEqual(['validate_room_fn_unanswered']);
  });

  it('limits a client that has one if the instance has too many, and no other client', async () => {
    let calls = 0;
    const validateRoomFn: ValidateRoomFn = () => {
      calls += 1;
      return never();
    };
    const guard = new Guard({ validateRoomFn, guardTimeout: 1, joinsInFlight: 64, report: () => {} });
    const sessionOf = (n: number) => new Session({ id: `s${n}`, rooms: new Set() } as never, {} as never);
    const sessions = Array.from({ length: 1_000 }, (_, n) => sessionOf(n));
    await Promise.all(sessions.flatMap((session) => Array.from({ length: 10 }, () => guard.ask(session, ['a']))));
    expect(calls).toBe(10_000);
    expect(await guard.ask(sessions[0] as Session, ['a'])).toBe('guard_failed');
    expect(calls).toBe(10_000);
    await guard.ask(sessionOf(-1), ['a']);
    expect(calls).toBe(10_001);
  });

  it('has a signal that aborts when the client is gone, also if it is read later', async () => {
    const signals: AbortSignal[] = [];
    const given: { signal: AbortSignal }[] = [];
    const validateRoomFn: ValidateRoomFn = (opts) => {
      given.push(opts);
      signals.push({ ...opts }.signal);
      return never();
    };
    const { flow, session } = setUp({ validateRoomFn });
    void decideJoin(flow, session, { rooms: ['a'] });
    await vi.waitFor(() => expect(signals).toHaveLength(1));
    session.end();
    expect(signals[0]?.reason).toMatchObject({ code: 'disconnected' });
    expect(given[0]?.signal).toBe(signals[0]);
  });
});

describe('a room that is checked again during a join', () => {
  it('is asked about again: a verdict from before does not count', async () => {
    const running: ((rooms: string[]) => void)[] = [];
    const validateRoomFn = () => new Promise<string[]>((resolve) => running.push(resolve));
    const { flow, session } = setUp({ validateRoomFn });
    const join = decideJoin(flow, session, { rooms: ['a', 'b'] });
    await vi.waitFor(() => expect(running).toHaveLength(1));
    session.outdate('a');
    running[0]?.(['a', 'b']);
    await vi.waitFor(() => expect(running).toHaveLength(2));
    running[1]?.([]);
    expect(await join).toMatchObject({ granted: ['b'], refused: [{ room: 'a', code: 'not_allowed' }] });
  });

  it('is refused as guard_failed between the verdict and the join, and if that happens again and again', async () => {
    let calls = 0;
    const { flow, session } = setUp({
      validateRoomFn: async ({ rooms }) => {
        calls += 1;
        session.outdate(undefined);
        return rooms;
      },
    });
    expect(await decideJoin(flow, session, { rooms: ['a'] })).toMatchObject({ refused: [{ code: 'guard_failed' }] });
    expect(calls).toBe(3);
    const quick = setUp();
    const verdict = await quick.flow.decideJoin(quick.session, { rooms: ['a'] });
    quick.session.outdate('a');
    expect(verdict.claim()).toMatchObject({ granted: [], refused: [{ code: 'guard_failed' }] });
  });
});

describe('a grant that ends during a join', () => {
  it('is refused once the guard has decided on the other rooms', async () => {
    const until = Date.now() + 60_000;
    const { flow, session } = setUp({ validateRoomFn: () => ['a', { room: 'b', until }] });
    session.roomWork.grant('b');
    const verdict = await flow.decideJoin(session, { rooms: ['a', 'b'] });
    const clock = vi.spyOn(Date, 'now').mockReturnValue(until);
    defer(() => clock.mockRestore());
    const refused = [{ room: 'b', code: 'room_expired' }];
    expect(verdict.claim()).toMatchObject({ granted: ['a'], refused, lost: ['b'], ends: new Map() });
  });
});
