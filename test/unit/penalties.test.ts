// npm test: node
// npm run test:matrix: newest-node
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Entry, type EntryOptions } from '../../src/limits/entry.js';
import { Penalties } from '../../src/limits/penalties.js';
import type { LimitsReport } from '../../src/limits/reports.js';
import type { KnownIdentity } from '../../src/ports/identity.js';
import { Session } from '../../src/session/session.js';

const ann: KnownIdentity = { user: 'ann', issuedAt: 0 };

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

describe('penalties', () => {
  it('end by themselves, and the later end counts', () => {
    const penalties = new Penalties();
    penalties.add({ user: 'ann' }, 1_000);
    penalties.add({ user: 'ann' }, 500);
    expect(penalties.remainingMs({ user: 'ann' })).toBe(1_000);
    expect(penalties.remainingMs({ address: 'ann' })).toBe(0);
    vi.advanceTimersByTime(400);
    penalties.add({ user: 'ann' }, 1_000);
    const { since = -1, until = -1 } = penalties.find({ user: 'ann' }) ?? {};
    expect([until - since, until - performance.now()]).toEqual([1_400, 1_000]);
    vi.advanceTimersByTime(1_000);
    expect(penalties.find({ user: 'ann' })).toBeUndefined();
    expect(penalties.remainingMs({ user: 'ann' })).toBe(0);
  });

  it('are bounded: those that are over go first, and then the oldest', () => {
    const penalties = new Penalties();
    penalties.add({ user: 'short' }, 1);
    penalties.add({ user: 'oldest' }, 60_000);
    for (let n = 0; n < 9_998; n++) penalties.add({ address: `${n}` }, 60_000);
    vi.advanceTimersByTime(2);
    penalties.add({ user: 'new' }, 60_000);
    expect(penalties.remainingMs({ user: 'oldest' })).toBeGreaterThan(0);
    penalties.add({ user: 'newer' }, 60_000);
    expect(penalties.remainingMs({ user: 'oldest' })).toBe(0);
    expect(penalties.remainingMs({ address: '0' })).toBeGreaterThan(0);
  });
});

describe('a client that was over a limit for too long', () => {
  const session = (identity?: KnownIdentity): Session => {
    const created = new Session({ id: 'self', conn: {} } as never, {} as never);
    if (identity !== undefined) created.identify(identity, 0);
    return created;
  };

  function createEntry(options: Partial<EntryOptions> = {}) {
    const reports: LimitsReport[] = [];
    const entry = new Entry({
      limits: { connectionsPerUser: 2, refusedFor: 30_000 },
      penalties: new Penalties(),
      countOf: () => 0,
      addressOf: undefined,
      report: (it) => reports.push(it),
      ...options,
    });
    return { entry, reports };
  }

  it('is refused by its user, wherever it comes from', () => {
    const { entry, reports } = createEntry({ addressOf: () => '192.0.2.1' });
    expect(entry.penalize(session(ann))).toBe(30_000);
    vi.advanceTimersByTime(10_000);
    expect(entry.refuse(session(), ann)).toEqual({ code: 'rate_limited', after: 20_000 });
    expect(entry.refuse(session(), { ...ann, user: 'bob' })).toBeUndefined();
    // The address of a user is that of others too.
    expect(entry.refuse(session(), undefined)).toBeUndefined();
    vi.advanceTimersByTime(20_000);
    expect(entry.refuse(session(), ann)).toBeUndefined();
    expect(reports).toEqual([]);
  });

  it('is refused by its address if it has no identity, and only if its address is known', () => {
    const { entry } = createEntry({ addressOf: () => '192.0.2.1' });
    entry.penalize(session());
    expect(entry.refuse(session(), undefined)).toEqual({ code: 'rate_limited', after: 30_000 });
    expect(entry.refuse(session(), ann)).toBeUndefined();
    const unknown = createEntry().entry;
    expect(unknown.penalize(session())).toBe(30_000);
    expect(unknown.refuse(session(), undefined)).toBeUndefined();
  });

  it('comes back later if its user has too many connections: spread over 10 s', () => {
    const { entry, reports } = createEntry({ countOf: (user) => (user === 'ann' ? 2 : 1) });
    const after = new Set<number>();
    for (let n = 0; n < 20; n++) {
      const refusal = entry.refuse(session(), ann);
      expect(refusal?.code).toBe('too_many_connections');
      after.add(refusal?.after ?? 0);
    }
    expect(Math.min(...after)).toBeGreaterThanOrEqual(10_000);
    expect(Math.max(...after)).toBeLessThanOrEqual(20_000);
    expect(after.size).toBeGreaterThan(10);
    expect(reports[0]).toEqual({ type: 'limit_reached', client: 'self', limit: 'connections_per_user' });
    expect(entry.refuse(session(), { ...ann, user: 'bob' })).toBeUndefined();
  });
});
