// npm test: node, bun
// npm run test:matrix: newest-node, oldest-bun
import { describe, expect, it, vi } from 'vitest';
import { ofInstance, ofLedger } from '../../src/gate/revocation-message.js';
import { RevocationNotice } from '../../src/gate/revocation-notice.js';
import { UntoldRevocations } from '../../src/gate/untold-revocations.js';
import type { InstanceMessage } from '../../src/ports/backplane/bus.js';
import type { AddOutcome, LedgerEntry } from '../../src/ports/backplane/ledger.js';
import { defer } from '../support/cleanup.js';
import { eventually } from '../support/facts.js';

const HOUR_MS = 3_600_000;

function noticeOf(user: string, barFor = 0): RevocationNotice {
  const message = { id: user, who: { kind: 'user', name: user }, room: undefined, issuedBefore: undefined, barFor };
  return new RevocationNotice(
    { ...message, who: { kind: 'user', name: user }, livesFor: Math.max(HOUR_MS, barFor) },
    '',
  );
}

/** `performance.now()` and the timers, of which the test passes some. */
function takeTheTime(): { pass(ms: number): Promise<void> } {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  defer(() => vi.useRealTimers());
  return { pass: async (ms) => void (await vi.advanceTimersByTimeAsync(ms)) };
}

/** A broker that stores and announces while `outcome` is `stored`. */
function build() {
  const state = { outcome: 'away' as AddOutcome, isReachable: false };
  const entries: LedgerEntry[] = [];
  const announced: InstanceMessage[] = [];
  const reports: unknown[] = [];
  const untold = new UntoldRevocations({
    ledger: {
      add: async (id, value, remainingMs) => {
        if (state.outcome === 'stored') entries.push({ id, value, remainingMs });
        return state.outcome;
      },
      onRead: () => {},
    },
    bus: {
      publish: async (_, message) => {
        if (!state.isReachable) throw new Error('away');
        announced.push(message);
      },
    },
    topic: 'revoked',
    report: (report) => reports.push(report),
  });
  return { untold, state, entries, announced, reports };
}

describe('revocations that could not be told', () => {
  it.each([0, 60_000, 2 * HOUR_MS, 31 * 24 * HOUR_MS])(
    'are stored and announced later with the moment of the call, with a bar of %d ms',
    async (barFor) => {
      const time = takeTheTime();
      const { untold, state, entries, announced } = build();
      const at = performance.now();
      untold.add(noticeOf('ann', barFor));
      await time.pass(HOUR_MS - 5_000);
      expect([entries, announced]).toEqual([[], []]);
      Object.assign(state, { outcome: 'stored', isReachable: true });
      await time.pass(2_000);
      expect([entries.length, announced.length]).toEqual([1, 1]);
      const [entry, message] = [entries[0], announced[0]];
      if (entry === undefined || message === undefined) throw new Error('unreachable');
      for (const { at: saidAt, barredUntil } of [
        ofLedger(entry, at + HOUR_MS - 4_000),
        ofInstance(message, at + HOUR_MS - 4_000),
      ]) {
        expect(Math.abs(saidAt - at)).toBeLessThanOrEqual(1_000);
        if (barFor > 0) expect(Math.abs((barredUntil ?? 0) - at - barFor)).toBeLessThanOrEqual(1_000);
      }
      expect(entry.remainingMs).toBeGreaterThanOrEqual(HOUR_MS);
      expect(vi.getTimerCount()).toBe(0);
    },
  );

  it('are announced once while the ledger refuses them, and again after it has stored them', async () => {
    const time = takeTheTime();
    const { untold, state, announced } = build();
    state.isReachable = true;
    untold.add(noticeOf('ann'));
    await time.pass(10_000);
    expect(announced).toHaveLength(1);
    state.outcome = 'stored';
    await time.pass(10_000);
    expect(announced).toHaveLength(2);
  });

  it('are dropped when they are too old', async () => {
    const time = takeTheTime();
    const { untold, reports } = build();
    untold.add(noticeOf('ann'));
    untold.add(noticeOf('bob', 3 * HOUR_MS));
    await time.pass(HOUR_MS + 2_000);
    expect(reports).toEqual([{ type: 'revocations_dropped', count: 1, reason: 'too_old' }]);
    await time.pass(2 * HOUR_MS);
    expect(reports).toHaveLength(2);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('are dropped if there are too many, the oldest first', async () => {
    const { untold, state, announced, reports } = build();
    for (let number = 0; number <= 10_000; number++) untold.add(noticeOf(`${number}`));
    expect(reports).toEqual([{ type: 'revocations_dropped', count: 1, reason: 'too_many' }]);
    await new Promise((resolve) => setImmediate(resolve));
    Object.assign(state, { outcome: 'stored', isReachable: true });
    await eventually(() => announced.length === 10_000, { timeout: 10_000 });
    expect(announced.some(({ id }) => id === '0')).toBe(false);
  });

  it('are dropped by a shutdown, and so are later ones', () => {
    const { untold, reports } = build();
    untold.add(noticeOf('ann'));
    untold.close();
    untold.add(noticeOf('bob'));
    const dropped = { type: 'revocations_dropped', count: 1, reason: 'shut_down' };
    expect(reports).toEqual([dropped, dropped]);
  });
});
