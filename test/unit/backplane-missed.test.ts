// npm test: node
// npm run test:matrix: newest-node
import { encode } from 'notepack.io';
import { describe, expect, it } from 'vitest';
import { ANNOUNCE_TICKS, MissedBroadcasts } from '../../src/backplane/redis/missed-broadcasts.js';
import type { BackplaneReport } from '../../src/backplane/reports.js';
import { RejectedMessageError } from '../../src/common/instance-messages.js';

const broadcast = (adapter = 'abcdef'): Buffer => encode([adapter, { type: 2, data: ['n'] }, { rooms: [] }]);

/** Two instances: the messages that one sends, and those that the other receives. */
function setUp() {
  const reports: BackplaneReport[] = [];
  const make = () =>
    new MissedBroadcasts({ report: (report) => reports.push(report), instances: () => 1, hears: () => 'surely' });
  const [one, two] = [make(), make()];
  const send = (count: number, heard = count) => {
    for (let sent = 0; sent < count; sent++) {
      one.countSent('socket.io#/#', broadcast());
      if (sent < heard) two.countReceived(broadcast());
    }
  };
  const announce = () => {
    two.compare(one.announcement(), 'one');
    for (let tick = 0; tick < ANNOUNCE_TICKS; tick++) two.tick();
  };
  return { reports, one, two, send, announce };
}

const missed = (reports: readonly BackplaneReport[]) =>
  reports.map((report) => report.type === 'backplane_messages_missed' && report.atLeast);

describe('MissedBroadcasts', () => {
  it('reports broadcasts that are still missing at the second announcement, once', () => {
    const { reports, send, announce } = setUp();
    send(5);
    announce();
    send(4, 1);
    announce();
    expect(reports).toEqual([]);
    send(2);
    for (let time = 0; time < 5; time++) announce();
    expect(missed(reports)).toEqual([3]);
  });

  it('does not report messages that arrive after the count', () => {
    const { reports, two, send, announce } = setUp();
    announce();
    send(3, 0);
    announce();
    for (let late = 0; late < 3; late++) two.countReceived(broadcast());
    for (let time = 0; time < 3; time++) announce();
    expect(reports).toEqual([]);
  });

  it('ignores messages sent before it listened', () => {
    const { reports, send, announce } = setUp();
    send(100, 0);
    for (let time = 0; time < 3; time++) announce();
    expect(reports).toEqual([]);
  });

  it('reports after an outage, even if nothing was missed', () => {
    const { reports, two, announce } = setUp();
    announce();
    two.restored();
    for (let time = 0; time < 5; time++) announce();
    expect(reports).toEqual([{ type: 'backplane_messages_missed', atLeast: 0, uncountedInstances: 0 }]);
  });

  it('reports how many instances do not count', () => {
    const { reports, two } = setUp();
    two.restored();
    for (let tick = 0; tick < 3 * ANNOUNCE_TICKS; tick++) two.tick();
    expect(reports).toEqual([{ type: 'backplane_messages_missed', atLeast: 0, uncountedInstances: 1 }]);
  });

  it('does not count messages of plain emitters, and rejects wrong counts', () => {
    const { one, two } = setUp();
    one.countSent('socket.io#/#', encode(['emitter', {}, {}]));
    one.countSent('socket.io#/#', 'text');
    one.countSent('socket.io#/#', Buffer.alloc(0));
    expect(one.announcement()).toEqual({ sent: [] });
    const odd = [{}, { sent: null }, { sent: {} }, { sent: ['abcdef'] }, { sent: [['abcdef', '/', -1]] }];
    for (const message of odd) expect(() => two.compare(message, 'one')).toThrow(RejectedMessageError);
  });
});
