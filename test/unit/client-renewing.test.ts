// npm test: node
// npm run test:matrix: newest-node
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Given } from '../../src/client/credentials.js';
import { Log } from '../../src/client/log.js';
import { Renewal } from '../../src/client/renewal.js';
import { RoomgateError } from '../../src/protocol/errors.js';
import { defer } from '../support/cleanup.js';
import { LogLines } from '../support/log-lines.js';

const MINUTE = 60_000;
const ANSWER_MS = 20_000;
const OFFLINE = new RoomgateError('credentials_failed', 'credentials() failed: offline.');

beforeEach(() => {
  vi.useFakeTimers({ now: 1e12 });
  // No spread: each delay is as long as it can be.
  const random = vi.spyOn(Math, 'random').mockReturnValue(0);
  defer(() => {
    random.mockRestore();
    vi.useRealTimers();
  });
});

/** A renewal that reads `given` one after another, and then fresh credentials. */
function setUp(...given: (Given | Promise<Given>)[]) {
  const began = Date.now();
  const reads: number[] = [];
  const sent: unknown[] = [];
  let signedOut = 0;
  const log = new LogLines();
  const renewal = new Renewal({
    read: async () => {
      reads.push(Date.now() - began);
      return given.length > 0 ? (given.shift() as Given) : { token: reads.length };
    },
    send: (credentials) => {
      sent.push(credentials);
      return true;
    },
    signedOut: () => {
      signedOut += 1;
    },
    answerMs: ANSWER_MS,
    log: new Log('tester', log),
  });
  return { renewal, reads, sent, log, signedOut: () => signedOut };
}

describe('the renewal of credentials', () => {
  it.each([
    ['5 minutes before the end', 60 * MINUTE, 55 * MINUTE],
    ['at half of a short life', 4 * MINUTE, 2 * MINUTE],
    ['after a time that no timer can take', 60 * 24 * 60 * MINUTE, 60 * 24 * 60 * MINUTE - 5 * MINUTE],
    ['not more often than once a second', 1_500, 1_000],
  ])('happens %s', async (_, life, at) => {
    const { renewal, reads, sent } = setUp();
    renewal.start(life);
    await vi.advanceTimersByTimeAsync(at - 1);
    expect(reads).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(reads).toEqual([at]);
    expect(sent).toEqual([{ token: 1 }]);
  });

  it('never happens for access that does not end', async () => {
    const { renewal, reads } = setUp();
    renewal.start(undefined);
    await vi.advanceTimersByTimeAsync(1e9);
    expect(reads).toEqual([]);
    expect(renewal.isOver).toBe(false);
  });

  it('is tried again with a back-off if the credentials can’t be had, and warns once', async () => {
    vi.mocked(Math.random).mockReturnValue(0.999_999);
    const { renewal, reads, sent, log } = setUp(OFFLINE, OFFLINE, OFFLINE, OFFLINE);
    renewal.start(60 * MINUTE);
    await vi.advanceTimersByTimeAsync(50 * MINUTE + 1_000 + 20_000);
    expect(reads.map((at) => Math.round((at - 50 * MINUTE) / 1_000))).toEqual([0, 1, 3, 7, 15]);
    expect(sent).toEqual([{ token: 5 }]);
    expect(log.lines.filter((line) => line.startsWith('warn'))).toEqual([
      'warn: [roomgate] tester: renewing the credentials failed: credentials() failed: offline.',
    ]);
  });

  it('is tried more often shortly before the end', async () => {
    vi.mocked(Math.random).mockReturnValue(0.999_999);
    const { renewal, reads } = setUp(...Array.from({ length: 50 }, () => OFFLINE));
    renewal.start(30_000);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(reads.length).toBeGreaterThanOrEqual(5);
    expect(reads.at(-1)).toBeGreaterThan(27_000);
  });

  it('waits for as long as the server says, at most a minute, even if the client wakes up', async () => {
    const { renewal, reads } = setUp();
    renewal.start(60 * MINUTE);
    renewal.order({ after: 30_000 });
    await vi.advanceTimersByTimeAsync(29_000);
    renewal.catchUp();
    await vi.advanceTimersByTimeAsync(999);
    expect(reads).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(reads).toEqual([30_000]);
    renewal.order({ after: 1e12 });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(reads).toEqual([30_000, 90_000]);
  });

  it('is sent again with new credentials if the server does not answer', async () => {
    const { renewal, sent } = setUp();
    renewal.start(60 * MINUTE);
    await vi.advanceTimersByTimeAsync(55 * MINUTE + ANSWER_MS);
    expect(sent).toEqual([{ token: 1 }, { token: 2 }]);
    renewal.start(60 * MINUTE);
    await vi.advanceTimersByTimeAsync(ANSWER_MS * 2);
    expect(sent).toHaveLength(2);
  });

  it('happens at once when the machine wakes up after the time for it', async () => {
    const { renewal, reads } = setUp();
    renewal.start(60 * MINUTE);
    renewal.catchUp();
    expect(reads).toEqual([]);
    // The wall clock goes on while timers sleep.
    vi.setSystemTime(1e12 + 56 * MINUTE);
    renewal.catchUp();
    await vi.advanceTimersByTimeAsync(0);
    expect(reads).toHaveLength(1);
  });

  it('ends if nobody is signed in any more', async () => {
    const { renewal, reads, sent, signedOut } = setUp(null);
    renewal.start(60 * MINUTE);
    await vi.advanceTimersByTimeAsync(120 * MINUTE);
    expect([signedOut(), reads.length, sent.length]).toEqual([1, 1, 0]);
  });

  it('asks again, and sends nothing, while the program gives refused credentials', async () => {
    const { renewal, reads, sent, signedOut } = setUp('refused', 'refused');
    vi.mocked(Math.random).mockReturnValue(0.5);
    renewal.start(60 * MINUTE);
    await vi.advanceTimersByTimeAsync(52.5 * MINUTE + 500 + 1_000);
    expect([signedOut(), reads.length]).toEqual([0, 3]);
    expect(sent).toEqual([{ token: 3 }]);
  });

  it('sends nothing if the connection has ended while it read, and nothing later', async () => {
    let answer: (given: Given) => void = () => {};
    const { renewal, sent, reads } = setUp(
      new Promise<Given>((resolve) => {
        answer = resolve;
      }),
    );
    renewal.start(60 * MINUTE);
    await vi.advanceTimersByTimeAsync(55 * MINUTE);
    renewal.stop();
    answer({ token: 'late' });
    await vi.advanceTimersByTimeAsync(120 * MINUTE);
    expect(sent).toEqual([]);
    expect(reads).toHaveLength(1);
  });
});

describe('access', () => {
  it('is over by either clock, also while credentials are read', async () => {
    const { renewal } = setUp(new Promise<Given>(() => {}));
    renewal.start(10 * MINUTE);
    expect(renewal.isOver).toBe(false);
    await vi.advanceTimersByTimeAsync(9 * MINUTE);
    expect(renewal.isOver).toBe(false);
    vi.setSystemTime(1e12 + 2 * 60 * MINUTE);
    expect(renewal.isOver).toBe(true);
    renewal.start(10 * MINUTE);
    expect(renewal.isOver).toBe(false);
    renewal.stop();
    await vi.advanceTimersByTimeAsync(60 * MINUTE);
    expect(renewal.isOver).toBe(false);
  });
});
