// npm test: node
// npm run test:matrix: newest-node
import { encode } from 'notepack.io';
import { describe, expect, it } from 'vitest';
import { TALLY_TICKS, Tally } from '../../src/backplane/redis/tally.js';
import type { BackplaneReport } from '../../src/backplane/reports.js';

const broadcast = (adapter = 'abcdef'): Buffer => encode([adapter, { type: 2, data: ['n'] }, { rooms: [] }]);

/** Two instances: what the one sends, and what the other hears of it. */
function setUp() {
  const reports: BackplaneReport[] = [];
  const make = (id: string) =>
    new Tally({ id, report: (report) => reports.push(report), instances: () => 1, hears: () => 'surely' });
  const [one, two] = [make('one'), make('two')];
  const send = (count: number, heard = count) => {
    for (let sent = 0; sent < count; sent++) {
      one.sent('socket.io#/#', broadcast());
      if (sent < heard) two.heard(broadcast());
    }
  };
  const tell = () => {
    two.hear(Buffer.from(one.telling()));
    for (let tick = 0; tick < TALLY_TICKS; tick++) two.tick();
  };
  return { reports, one, two, send, tell };
}

const missed = (reports: readonly BackplaneReport[]) =>
  reports.map((report) => report.type === 'backplane_messages_missed' && report.atLeast);

describe('the tally', () => {
  it('reports what is still missing at the second telling, once', () => {
    const { reports, send, tell } = setUp();
    send(5);
    tell();
    send(4, 1);
    tell();
    expect(reports).toEqual([]);
    send(2);
    for (let telling = 0; telling < 5; telling++) tell();
    expect(missed(reports)).toEqual([3]);
  });

  it('does not report messages that arrive after the count', () => {
    const { reports, two, send, tell } = setUp();
    tell();
    send(3, 0);
    tell();
    for (let late = 0; late < 3; late++) two.heard(broadcast());
    for (let telling = 0; telling < 3; telling++) tell();
    expect(reports).toEqual([]);
  });

  it('ignores what was sent before it listened', () => {
    const { reports, send, tell } = setUp();
    send(100, 0);
    for (let telling = 0; telling < 3; telling++) tell();
    expect(reports).toEqual([]);
  });

  it('reports after an outage, even if nothing was missed', () => {
    const { reports, two, tell } = setUp();
    tell();
    two.restored();
    for (let telling = 0; telling < 5; telling++) tell();
    expect(reports).toEqual([{ type: 'backplane_messages_missed', atLeast: 0, uncountedInstances: 0 }]);
  });

  it('says how many instances do not count', () => {
    const { reports, two } = setUp();
    two.restored();
    for (let tick = 0; tick < 3 * TALLY_TICKS; tick++) two.tick();
    expect(reports).toEqual([{ type: 'backplane_messages_missed', atLeast: 0, uncountedInstances: 1 }]);
  });

  it('does not count what plain emitters send, and takes no wrong counts', () => {
    const { one, two } = setUp();
    one.sent('socket.io#/#', encode(['emitter', {}, {}]));
    one.sent('socket.io#/#', 'text');
    one.sent('socket.io#/#', Buffer.alloc(0));
    expect(JSON.parse(one.telling())).toEqual({ from: 'one', sent: [] });
    const odd = ['', '{', 'null', '{}', '{"from":"a","sent":{}}', '{"from":"a","sent":[["abcdef","/",-1]]}'];
    for (const message of odd) expect(() => two.hear(Buffer.from(message))).toThrow();
  });
});
