// npm test: node
// npm run test:matrix: newest-node, bun
import { describe, expect, it } from 'vitest';
import type { AttemptOutcome } from '../../src/gate/attempt-lane.js';
import { type Attempt, FailedAuthentications, type RefusedAttempt } from '../../src/gate/failed-authentications.js';
import type { GateReport } from '../../src/gate/reports.js';
import type { Wire } from '../../src/ports/wire.js';
import { simulateTime } from '../support/virtual-time.js';

const TIMEOUT_MS = 10_000;
const MINUTE_MS = 60_000;

interface By {
  readonly key?: string | undefined;
  readonly address?: string | undefined;
}

type Begun = Attempt | RefusedAttempt;

function start({ most = 10 } = {}) {
  const time = simulateTime(1);
  const reports: GateReport[] = [];
  const failures = new FailedAuthentications({
    limits: { failedAuthentications: most },
    authenticateTimeout: TIMEOUT_MS,
    authenticationKey: ({ auth }) => auth.key,
    addressOf: (wire) => wire.remoteAddress,
    shared: undefined,
    report: (each) => reports.push(each),
  });
  let clients = 0;
  const begin = ({ key, address }: By, { mayWait = true, client = `client ${clients++}` } = {}) => {
    const wire = { remoteAddress: address } as Wire;
    return failures.begin({ client, wire, auth: { key }, mayWait });
  };
  /** Its result in order: a number if it was refused without a call. */
  const attempt = (by: By, outcome: AttemptOutcome): number | AttemptOutcome => {
    const begun = begin(by, { mayWait: false });
    if (begun instanceof Promise) throw new Error('it has to wait');
    if ('after' in begun) return begun.after;
    failures.settle(begun, outcome);
    return outcome;
  };
  const fail = (times: number, by: By): void => {
    for (let n = 0; n < times; n++) expect(attempt(by, 'refused')).toBe('refused');
  };
  /** Notes when an attempt may go on, or is refused. */
  const wait = (by: By, client?: string) => {
    const seen: { at?: number; begun?: Begun } = {};
    const begun = begin(by, client === undefined ? {} : { client });
    void Promise.resolve(begun).then((one) => Object.assign(seen, { at: time.now(), begun: one }));
    return seen;
  };
  const settle = ({ begun }: { begun?: Begun }, outcome: AttemptOutcome): void => {
    if (begun === undefined || 'after' in begun) throw new Error('it has no place');
    failures.settle(begun, outcome);
  };
  return { time, reports, failures, begin, attempt, fail, wait, settle };
}

const ANN = { key: 'ann', address: '8.8.8.8' };

describe('one key from one address', () => {
  it('is refused for 1 s after ten failures, then twice as long each time, up to 60 s', async () => {
    const { time, attempt, fail, reports } = start();
    fail(10, ANN);
    for (const seconds of [1, 2, 4, 8, 16, 32, 60, 60, 60]) {
      expect(attempt(ANN, 'accepted')).toBe(seconds * 1_000);
      await time.pass(seconds * 1_000 - 1);
      expect(typeof attempt(ANN, 'accepted')).toBe('number');
      await time.pass(1);
      expect(attempt(ANN, 'refused')).toBe('refused');
    }
    expect(reports.filter(({ type }) => type === 'authentications_limited')).toEqual([
      { type: 'authentications_limited', by: 'key_and_address', failed: 10 },
      { type: 'authentications_limited', by: 'address', failed: 10 },
      { type: 'authentications_limited', by: 'key', failed: 10 },
    ]);
  });

  it('is free again after a success, and after 15 minutes without a failure', async () => {
    const { time, attempt, fail } = start();
    fail(10, ANN);
    await time.pass(1_000);
    expect(attempt(ANN, 'accepted')).toBe('accepted');
    fail(10, ANN);
    await time.pass(15 * MINUTE_MS + 1);
    fail(10, ANN);
    expect(attempt(ANN, 'refused')).toBe(1_000);
  });

  it('does not keep out other keys or other addresses', async () => {
    const { time, attempt, fail } = start();
    fail(10, ANN);
    await time.pass(500);
    expect(attempt({ ...ANN, key: 'bob' }, 'accepted')).toBe('accepted');
    expect(attempt({ ...ANN, address: '8.8.4.4' }, 'accepted')).toBe('accepted');
    expect(attempt(ANN, 'accepted')).toBe(1_000);
  });

  it('attempts that run count as failures until they have settled', async () => {
    const { time, fail, wait, settle } = start();
    fail(7, ANN);
    const all = Array.from({ length: 5 }, () => wait(ANN));
    await time.pass(1);
    expect(all.map(({ begun }) => begun !== undefined)).toEqual([true, true, true, false, false]);
    for (const one of all.slice(0, 3)) settle(one, 'refused');
    await time.pass(1);
    for (const { begun } of all.slice(3)) expect(begun).toHaveProperty('after');
  });

  it('an attempt that was accepted there before passes while others guess', async () => {
    const { time, begin, attempt, wait } = start();
    expect(attempt(ANN, 'accepted')).toBe('accepted');
    for (let n = 0; n < 10; n++) attempt({ key: 'ann', address: `8.8.4.${n}` }, 'refused');
    const guess = wait({ key: 'ann', address: '8.8.5.1' });
    await time.pass(1);
    expect(guess.begun).toBeUndefined();
    expect(begin(ANN)).not.toBeInstanceOf(Promise);
    await time.pass(1_000);
  });
});

describe.each([
  ['one key from unknown addresses', 'key', { key: 'ann' }],
  ['one address without keys', 'address', { address: '8.8.8.8' }],
] as const)('%s', (_, kind, by) => {
  it('waits for its turn: one attempt at a time, 500 ms after each failure', async () => {
    const { time, fail, wait, settle, reports } = start();
    fail(10, by);
    expect(reports).toEqual([{ type: 'authentications_limited', by: kind, failed: 10 }]);
    const [first, second, third] = [wait(by), wait(by), wait(by)];
    await time.pass(499);
    expect([first.at, second.at]).toEqual([undefined, undefined]);
    await time.pass(2);
    expect(first.begun).not.toHaveProperty('after');
    await time.pass(2_000);
    expect(second.at).toBeUndefined();
    settle(first, 'refused');
    await time.pass(502);
    settle(second, 'none');
    await time.pass(2);
    // Nothing was learned from the second, so the third need not wait.
    expect((third.at ?? 0) - (second.at ?? 0)).toBeLessThan(10);
  });

  it('an attempt that never settles blocks the others until authenticateTimeout', async () => {
    const { time, fail, wait } = start();
    fail(10, by);
    const [hangs, next] = [wait(by), wait(by)];
    await time.pass(TIMEOUT_MS);
    expect([hangs.at === undefined, next.at]).toEqual([false, undefined]);
    await time.pass(1_000);
    expect(next.begun).not.toHaveProperty('after');
  });

  it('only as many wait as can be asked about in time; the others are refused at once', async () => {
    const { time, fail, wait } = start();
    fail(10, by);
    const all = Array.from({ length: 30 }, () => wait(by));
    await time.pass(1);
    const refused = all.filter(({ begun }) => begun !== undefined && 'after' in begun);
    expect(refused).toHaveLength(30 - 16);
    for (const { begun } of refused) expect((begun as RefusedAttempt).after).toBeGreaterThanOrEqual(1_000);
  });

  it('a client that is gone no longer waits, and takes no turn', async () => {
    const { time, fail, wait, failures } = start();
    fail(10, by);
    const [gone, next] = [wait(by, 'gone'), wait(by, 'next')];
    expect([failures.hasDelayed('gone'), failures.hasDelayed('next')]).toEqual([true, true]);
    failures.giveUp('gone');
    await time.pass(502);
    expect(gone.begun).toHaveProperty('after');
    expect(next.begun).not.toHaveProperty('after');
    expect([failures.hasDelayed('gone'), failures.hasDelayed('next')]).toEqual([false, true]);
  });

  it('a renewal does not wait', async () => {
    const { fail, begin } = start();
    fail(10, by);
    expect(begin(by, { mayWait: false })).toEqual({ after: expect.any(Number) });
  });

  it('close() ends all waits', async () => {
    const { time, fail, wait, failures } = start();
    fail(10, by);
    const waiting = wait(by);
    failures.close();
    await time.pass(1);
    expect(waiting.begun).toHaveProperty('after');
  });
});

it('a success ends the limit of an address, and not that of a key', async () => {
  const { time, fail, attempt, begin } = start();
  fail(10, { key: 'ann' });
  fail(10, { address: '8.8.8.8' });
  await time.pass(500);
  expect(attempt({ key: 'ann' }, 'accepted')).toBe('accepted');
  expect(attempt({ address: '8.8.8.8' }, 'accepted')).toBe('accepted');
  fail(1, { key: 'ann' });
  fail(9, { address: '8.8.8.8' });
  expect(begin({ key: 'ann' })).toBeInstanceOf(Promise);
  expect(begin({ address: '8.8.8.8' })).not.toBeInstanceOf(Promise);
});

it('many honest clients of one address are asked about at once', () => {
  const { begin } = start();
  for (let n = 0; n < 5_000; n++) expect(begin({ address: '8.8.8.8' })).not.toBeInstanceOf(Promise);
});

it('an attacker who fails with 30 000 other keys does not end the limit of a key', async () => {
  const { attempt, fail, begin } = start();
  fail(10, { key: 'ann' });
  for (let n = 0; n < 30_000; n++) attempt({ key: `other ${n}` }, 'refused');
  expect(begin({ key: 'ann' })).toBeInstanceOf(Promise);
});

it('attempts without a key and a known address are never limited', () => {
  const { fail } = start();
  fail(100, {});
});

describe('authenticationKey', () => {
  it.each([
    [
      'throws',
      () => {
        throw new Error('broken');
      },
    ],
    ['returns a number', () => 5],
    ['returns a promise', () => Promise.resolve('ann')],
  ])('that %s is reported, and the attempt has no key', (_, authenticationKey) => {
    const reports: GateReport[] = [];
    const failures = new FailedAuthentications({
      ...{ limits: { failedAuthentications: 1 }, authenticateTimeout: TIMEOUT_MS, addressOf: () => undefined },
      shared: undefined,
      report: (each) => reports.push(each),
      authenticationKey: authenticationKey as () => never,
    });
    for (let n = 0; n < 3; n++) {
      const begun = failures.begin({ client: 'c', wire: {} as Wire, auth: {}, mayWait: false }) as Attempt;
      failures.settle(begun, 'refused');
    }
    expect(reports).toHaveLength(3);
    expect(reports[0]).toMatchObject({ type: 'handler_failed', where: 'authenticationKey', client: 'c' });
  });
});

describe('what explain() says about a key', () => {
  it('is since when and until when it is limited: everywhere for 15 minutes, or at an address until the next attempt', async () => {
    const { time, failures, attempt, fail } = start({ most: 3 });
    const [here, everywhere] = [ANN, { key: 'bob', address: undefined }];
    // The address was accepted before, so only attempts from it count together.
    attempt(here, 'accepted');
    fail(2, here);
    fail(2, everywhere);
    expect(failures.limitOf('ann')).toBeUndefined();
    const now = performance.now();
    fail(1, here);
    fail(1, everywhere);
    expect(failures.limitOf('ann')).toEqual({ since: now, until: now + 1_000 });
    expect(failures.limitOf('bob')).toEqual({ since: now, until: now + 15 * MINUTE_MS });
    expect(failures.limitOf('an')).toBeUndefined();
    await time.pass(1_001);
    expect(failures.limitOf('ann')).toBeUndefined();
    fail(1, here);
    expect(failures.limitOf('ann')).toEqual({ since: now, until: now + 3_001 });
    await time.pass(15 * MINUTE_MS);
    expect(failures.limitOf('bob')).toBeUndefined();
  });
});
