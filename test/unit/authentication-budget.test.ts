// npm test: node
// npm run test:matrix: newest-node, bun
import { describe, expect, it, vi } from 'vitest';
import { AuthenticationBudget, type AuthenticationCall } from '../../src/gate/authentication-budget.js';
import type { CallOutcome } from '../../src/gate/authentication-outage.js';
import type { GateReport } from '../../src/gate/reports.js';
import { simulateTime } from '../support/virtual-time.js';

const TIMEOUT_MS = 10_000;
/** Failed calls in a row that begin an outage. */
const IN_A_ROW = 20;

function start({ mostCalls = 1_000 } = {}) {
  const time = simulateTime(1);
  const reports: GateReport[] = [];
  const budget = new AuthenticationBudget({ mostCalls, timeoutMs: TIMEOUT_MS, report: (each) => reports.push(each) });
  let clients = 0;
  /** A call that gets its place at once, or undefined. */
  const take = (address = 'a', client = `client ${clients++}`): AuthenticationCall | undefined => {
    const taken = budget.take(client, address);
    if (taken instanceof Promise) throw new Error('it has to wait');
    return taken;
  };
  /** A client that has to wait. */
  const wait = (client: string) => {
    const resumed = vi.fn<(call: AuthenticationCall | undefined) => void>();
    const taken = budget.take(client, 'a');
    if (!(taken instanceof Promise)) throw new Error('it does not have to wait');
    void taken.then(resumed);
    return resumed;
  };
  const call = (outcome: CallOutcome, address?: string): boolean => {
    const taken = take(address);
    if (taken !== undefined) budget.settle(taken, outcome);
    return taken !== undefined;
  };
  const failInARow = (count: number, address?: string): void => {
    for (let time = 0; time < count; time++) call('failed', address);
  };
  const types = (): string[] => reports.map(({ type }) => type);
  return { time, budget, reports, types, take, wait, call, failInARow };
}

describe('calls at a time', () => {
  it('are limited; further clients get their places in the order in which they came', async () => {
    const { budget, time, take, wait } = start({ mostCalls: 2 });
    const [first, second] = [take(), take()];
    const [third, fourth] = [wait('third'), wait('fourth')];
    await time.pass(1_000);
    expect(third).not.toHaveBeenCalled();
    if (first) budget.settle(first, 'accepted');
    await time.pass(0);
    expect(third).toHaveBeenCalledWith(expect.objectContaining({ client: 'third' }));
    expect(fourth).not.toHaveBeenCalled();
    if (second) budget.settle(second, 'refused');
    await time.pass(0);
    expect(fourth).toHaveBeenCalledWith(expect.objectContaining({ client: 'fourth' }));
  });

  it('are not made for a client that gave up while it waited', async () => {
    const { budget, time, take, wait } = start({ mostCalls: 1 });
    const running = take();
    const [gone, next] = [wait('gone'), wait('next')];
    budget.giveUp('gone');
    if (running) budget.settle(running, 'accepted');
    await time.pass(0);
    expect(next).toHaveBeenCalledWith(expect.objectContaining({ client: 'next' }));
    expect(gone).toHaveBeenCalledWith(undefined);
  });

  it('free their places if they do not settle within the time-out, and count as failed', async () => {
    const { budget, time, types, take, wait } = start({ mostCalls: IN_A_ROW });
    const hanging = Array.from({ length: IN_A_ROW }, () => take());
    const waiting = wait('waiting');
    await time.pass(TIMEOUT_MS - 1);
    expect(waiting).not.toHaveBeenCalled();
    await time.pass(1);
    await time.pass(0);
    expect(waiting).toHaveBeenCalledOnce();
    expect(types()).toEqual(['authentication_outage_began']);
    // Later answers change nothing.
    for (const call of hanging) if (call) budget.settle(call, 'accepted');
    await time.pass(2_000);
    expect(types()).toEqual(['authentication_outage_began']);
  });

  it('free the place of a later call after its own time-out', async () => {
    const { time, take, wait } = start({ mostCalls: 2 });
    take();
    await time.pass(4_000);
    take();
    const [first, second] = [wait('first'), wait('second')];
    await time.pass(6_000);
    await time.pass(0);
    expect(first).toHaveBeenCalledOnce();
    await time.pass(3_999);
    expect(second).not.toHaveBeenCalled();
    await time.pass(1);
    await time.pass(0);
    expect(second).toHaveBeenCalledOnce();
  });

  it('grow in number with their successes, and not before', async () => {
    const { budget, time, take, wait } = start();
    const running = Array.from({ length: 40 }, () => take());
    const waiting = Array.from({ length: 200 }, (_, index) => wait(`client ${index}`));
    const served = () => waiting.filter(({ mock }) => mock.calls.length > 0).length;
    for (const call of running) if (call) budget.settle(call, 'accepted');
    await time.pass(0);
    expect(served()).toBe(80);
    await time.pass(1_000);
    expect(served()).toBeGreaterThanOrEqual(109);
    expect(served()).toBeLessThanOrEqual(111);
  });

  it('are delayed by the limit for a client that waits, or has waited and not been answered', async () => {
    const { budget, time, take, wait } = start({ mostCalls: 1 });
    const running = take('a', 'first');
    const second = wait('second');
    expect([budget.causeOfDelay('first'), budget.causeOfDelay('second')]).toEqual([undefined, 'limit']);
    if (running) budget.settle(running, 'accepted');
    await time.pass(0);
    expect(second).toHaveBeenCalledOnce();
    expect(budget.causeOfDelay('second')).toBe('limit');
    const call = second.mock.calls[0]?.[0];
    if (call) budget.settle(call, 'accepted');
    expect(budget.causeOfDelay('second')).toBeUndefined();
  });

  it('are not made any more after close()', async () => {
    const { budget, time, take, wait } = start({ mostCalls: 1 });
    const running = take();
    const waiting = wait('waiting');
    budget.close();
    await time.pass(0);
    expect(waiting).toHaveBeenCalledWith(undefined);
    if (running) budget.settle(running, 'accepted');
    await time.pass(TIMEOUT_MS);
    expect(waiting).toHaveBeenCalledOnce();
  });
});

describe('an outage', () => {
  it('begins after 20 failed calls without a client that was accepted between them', () => {
    const { budget, types, call, failInARow } = start();
    failInARow(IN_A_ROW - 1);
    call('accepted');
    failInARow(IN_A_ROW - 1);
    expect(types()).toEqual([]);
    failInARow(1);
    expect(types()).toEqual(['authentication_outage_began']);
    expect(budget.causeOfDelay('any')).toBe('outage');
    expect(call('accepted')).toBe(false);
  });

  it('does not begin because of refusals, however many', async () => {
    const { time, types, call } = start();
    for (let n = 0; n < 1_000; n++) expect(call('refused')).toBe(true);
    await time.pass(1_000);
    expect(types()).toEqual([]);
  });

  it('does not begin if one client of ten can not be checked', () => {
    const { types, call } = start();
    for (let n = 0; n < 1_000; n++) expect(call(n % 10 === 0 ? 'failed' : 'accepted')).toBe(true);
    expect(types()).toEqual([]);
  });

  it('turns clients away but for 10 a second, and the clients that waited immediately', async () => {
    const { time, call, wait, take, budget } = start({ mostCalls: IN_A_ROW });
    const calls = Array.from({ length: IN_A_ROW }, () => take());
    const waiting = Array.from({ length: 2 * IN_A_ROW }, (_, index) => wait(`waiting ${index}`));
    for (const each of calls) if (each) budget.settle(each, 'failed');
    await time.pass(0);
    for (const each of waiting.slice(IN_A_ROW)) expect(each).toHaveBeenCalledWith(undefined);
    // Those that had their places before the outage.
    for (const { mock } of waiting) for (const [each] of mock.calls) if (each) budget.settle(each, 'failed');
    let tried = 0;
    for (let n = 0; n < 1_000; n++) {
      await time.pass(10);
      if (call('failed')) tried += 1;
    }
    expect(tried).toBeGreaterThanOrEqual(99);
    expect(tried).toBeLessThanOrEqual(101);
  });

  it('ends once 20 clients more were accepted than calls failed', async () => {
    const { time, types, reports, call, failInARow } = start();
    failInARow(IN_A_ROW);
    await time.pass(100);
    let accepted = 0;
    while (call('accepted')) if (++accepted === IN_A_ROW) break;
    expect(accepted).toBe(IN_A_ROW);
    expect(types()).toEqual(['authentication_outage_began', 'authentication_outage_ended']);
    expect(reports[1]).toMatchObject({ afterMs: 100, calls: IN_A_ROW, failed: 0, turnedAway: 0 });
  });

  it('ends a second after a client was accepted, unless a call fails meanwhile', async () => {
    const { time, types, call, failInARow } = start();
    failInARow(IN_A_ROW);
    await time.pass(1_000);
    call('accepted');
    await time.pass(500);
    call('failed');
    await time.pass(2_000);
    expect(types()).toEqual(['authentication_outage_began']);
    call('accepted');
    await time.pass(1_000);
    expect(types()).toEqual(['authentication_outage_began', 'authentication_outage_ended']);
  });

  it('that one address causes, and floods, lets clients from other addresses in', async () => {
    const { time, call, failInARow } = start();
    failInARow(IN_A_ROW, 'attacker');
    let [asked, accepted] = [0, 0];
    for (let ms = 0; ms < 60_000; ms += 10) {
      await time.pass(10);
      for (let n = 0; n < 10; n++) call('failed', 'attacker');
      if (ms % 200 !== 0) continue;
      asked += 1;
      if (call('accepted', `10.0.0.${asked}`)) accepted += 1;
    }
    expect(accepted).toBeGreaterThanOrEqual(asked - 1);
  });

  it('that a client with a fault of its own causes turns nobody else away', async () => {
    const { time, call, failInARow } = start();
    failInARow(IN_A_ROW);
    await time.pass(3_000);
    for (let n = 0; n < 100; n++) {
      expect(call('failed')).toBe(true);
      await time.pass(1_000);
      for (let m = 0; m < 5; m++) expect(call('accepted')).toBe(true);
      await time.pass(1_000);
    }
  });
});

describe('the time after which clients should reconnect', () => {
  it('is 1 s without an outage', () => {
    const { budget, failInARow } = start();
    failInARow(IN_A_ROW - 1);
    expect(Array.from({ length: 50 }, () => budget.comeBackAfter())).toEqual(Array.from({ length: 50 }, () => 1_000));
  });

  it('grows with the number of clients: 200 of them are told to come in each second, and none after a minute', () => {
    const { budget, failInARow } = start();
    failInARow(IN_A_ROW);
    const orders = Array.from({ length: 20_000 }, () => budget.comeBackAfter());
    expect(orders[0]).toBe(1_000);
    expect(orders[2_000]).toBe(11_000);
    expect(orders[10_000]).toBe(51_000);
    expect(orders.every((ms) => ms <= 60_000)).toBe(true);
    expect(orders.slice(12_000).every((ms) => ms >= 30_000)).toBe(true);
    expect(new Set(orders.slice(12_000)).size).toBeGreaterThan(5_000);
  });

  it('grows with the outage, to 15 s', async () => {
    const { budget, time, failInARow } = start();
    failInARow(IN_A_ROW);
    const orders: number[] = [];
    for (let n = 0; n < 5; n++) {
      await time.pass(20_000);
      orders.push(budget.comeBackAfter());
    }
    expect(orders).toEqual([5_000, 10_000, 15_000, 15_000, 15_000]);
  });
});
