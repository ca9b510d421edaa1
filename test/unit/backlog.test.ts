// npm test: node
// npm run test:matrix: newest-node
import { EventEmitter } from 'node:events';
import { beforeEach, describe, expect, it } from 'vitest';
import { Backlogs, type Counted } from '../../src/fanout/backlog.js';
import { takeTheTime } from '../support/clock.js';
import { eventually } from '../support/facts.js';

const MOST = 20_000;

interface AnyPacket {
  type: string;
  data?: unknown;
}

class Answer extends EventEmitter {
  isCut = false;
  destroy(): void {
    this.isCut = true;
    this.emit('close');
  }
}

/** A connection of engine.io's as far as something waits for it. */
class Connection extends EventEmitter {
  readyState = 'open';
  transport: { writable: boolean; unread: number; res: Answer | null } = { writable: false, unread: 0, res: null };
  writeBuffer: AnyPacket[] = [];
  sent: unknown[] = [];

  close(): void {
    this.readyState = 'closing';
  }

  send(data: unknown): void {
    if (this.readyState !== 'open') return;
    const packet = { type: 'message', data };
    this.emit('packetCreate', packet);
    this.writeBuffer.push(packet);
    this.flush();
  }

  flush(): void {
    if (!this.transport.writable || this.writeBuffer.length === 0) return;
    this.emit('flush', this.writeBuffer);
    const packets = this.writeBuffer;
    this.writeBuffer = [];
    // A poll is answered once.
    if (this.transport.res !== null) this.transport.writable = false;
    this.sent.push(...packets.map(({ type, data }) => (type === 'message' ? data : type)));
  }

  poll(): Answer {
    const answer = new Answer();
    this.transport.res = answer;
    this.transport.writable = true;
    this.flush();
    return answer;
  }

  get waiting(): unknown[] {
    return this.writeBuffer.filter(({ type }) => type === 'message').map(({ data }) => data);
  }
}

function begin() {
  const slow: [Connection, number][] = [];
  const backlogs = new Backlogs(MOST, (connection, waiting) =>
    slow.push([connection as unknown as Connection, waiting]),
  );
  const connection = new Connection();
  const counted = connection as unknown as Counted;
  backlogs.watch(counted);
  const replace = (key: string, ...data: unknown[]) =>
    backlogs.replace(counted, key, () => {
      for (const each of data) connection.send(each);
    });
  return { backlogs, connection, counted, slow, replace };
}

/** Much longer than anybody may be behind. */
const A_WHILE_MS = 500;

let time: { pass(ms: number): void };

beforeEach(() => {
  time = takeTheTime();
});

/** Once in each tick of the event loop, 10 ms apart. */
async function keepSending(send: () => void, isDone: () => boolean, forMs = 10_000): Promise<void> {
  for (let ms = 0; !isDone() && ms < forMs; ms += 10) {
    send();
    time.pass(10);
    await new Promise(setImmediate);
  }
}

describe('a connection for which more waits than may', () => {
  it('is told of once, takes no more, and is closed by somebody else', async () => {
    const { connection, slow } = begin();
    await keepSending(
      () => connection.send('x'.repeat(2_000)),
      () => slow.length > 0,
    );
    expect(slow).toEqual([[connection, expect.any(Number)]]);
    expect(slow[0]?.[1]).toBeGreaterThan(MOST);
    expect(connection.readyState).toBe('closing');
  });

  it('is told of also where a poll is always open, and never closed with nothing in line', async () => {
    const { connection, slow } = begin();
    await keepSending(
      () => {
        connection.poll();
        connection.send('x'.repeat(2_000));
        if (slow.length === 0) expect(connection.waiting).toEqual([]);
      },
      () => slow.length > 0,
    );
    expect(slow).toHaveLength(1);
    expect(connection.readyState).toBe('open');
    connection.send('one more, which waits');
    connection.send('and one that is too many');
    expect(slow).toHaveLength(1);
    expect(connection.readyState).toBe('closing');
  });

  it('is given time while one tick lasts, however long that is', () => {
    const { connection, slow } = begin();
    for (let ms = 0; ms < 300; ms++) {
      connection.send('x'.repeat(2_000));
      time.pass(1);
    }
    expect(slow).toEqual([]);
  });

  it('is given time while ticks are long', async () => {
    const { connection, slow } = begin();
    for (let n = 0; n < 20; n++) connection.send('x'.repeat(2_000));
    time.pass(300);
    await new Promise(setImmediate);
    connection.send('x');
    expect(slow).toEqual([]);
  });

  it('is told of as well where each message carries next to nothing', async () => {
    const { connection, slow } = begin();
    await keepSending(
      () => {
        for (let n = 0; n < 20; n++) connection.send('2');
      },
      () => slow.length > 0,
    );
    expect(slow).toHaveLength(1);
  });

  it('is not told of where all of it is one message, with its attachments', async () => {
    const { connection, slow } = begin();
    connection.send('53-["large",…]');
    for (let n = 0; n < 3; n++) connection.send(Buffer.alloc(MOST));
    await keepSending(
      () => connection.send('small'),
      () => slow.length > 0,
      A_WHILE_MS,
    );
    expect(slow).toEqual([]);
  });

  it('is not told of where all of it is one message that is partly on its way', async () => {
    const { backlogs, connection, counted, slow } = begin();
    backlogs.unwatch(counted);
    connection.transport.unread = MOST;
    backlogs.watch(counted, MOST);
    for (let n = 0; n < 3; n++) connection.send(Buffer.alloc(MOST));
    await keepSending(
      () => connection.send('small'),
      () => slow.length > 0,
      A_WHILE_MS,
    );
    expect(slow).toEqual([]);
  });

  it('is not told of where a large message goes out behind a small one', async () => {
    const { backlogs, connection, counted, slow } = begin();
    connection.send('small');
    connection.send('x'.repeat(10 * MOST));
    // The transport takes all, and is full after the first.
    backlogs.unwatch(counted);
    connection.writeBuffer = [];
    connection.transport.unread = 10 * MOST + 5;
    backlogs.watch(counted, 5);
    await keepSending(
      () => connection.send('small'),
      () => slow.length > 0,
      A_WHILE_MS,
    );
    expect(slow).toEqual([]);
  });
});

describe('answers to polls that are not read', () => {
  it('are cut some time after their connection was closed, and at once where it was too slow', async () => {
    const { connection, slow } = begin();
    const answer = connection.poll();
    connection.send('x'.repeat(MOST * 2));
    await keepSending(
      () => connection.send('x'.repeat(2_000)),
      () => slow.length > 0,
    );
    expect(answer.isCut).toBe(false);
    connection.emit('close');
    await eventually(() => answer.isCut, {
      timeout: 2_000,
      what: 'an answer that is cut long before its last words are over',
    });
  });

  it('are counted until they are, also where the transport has changed meanwhile', async () => {
    const { backlogs, connection, counted, slow } = begin();
    for (let n = 0; n < 20; n++) connection.send('x'.repeat(2_000));
    const answer = connection.poll();
    backlogs.unwatch(counted);
    backlogs.watch(counted);
    connection.transport = { writable: false, unread: 0, res: null };
    await keepSending(
      () => connection.send('small'),
      () => slow.length > 0,
    );
    expect(slow).toHaveLength(1);
    expect(answer.isCut).toBe(false);
  });

  it('leave nothing behind once they were read', () => {
    const { backlogs, connection, counted } = begin();
    const answer = connection.poll();
    connection.send('x');
    backlogs.unwatch(counted);
    expect(connection.listenerCount('close')).toBe(1);
    answer.emit('close');
    expect(connection.eventNames()).toEqual([]);
    expect(
      Object.getOwnPropertySymbols(connection).map((symbol) => Reflect.get(connection, symbol)),
    ).not.toContainEqual(expect.objectContaining({ queued: expect.anything() }));
  });
});

describe('a message that replaces', () => {
  it('takes the place of all packets of the one before it, behind what came between', () => {
    const { backlogs, connection, counted, replace } = begin();
    // The transport takes no more.
    backlogs.watch(counted, 1);
    replace('a', '51-["a",1]', Buffer.from([1]));
    connection.send('between');
    replace('b', 'b1');
    replace('a', '51-["a",2]', Buffer.from([2]));
    expect(connection.waiting).toEqual(['between', 'b1', '51-["a",2]', Buffer.from([2])]);
    connection.poll();
    expect(connection.sent).toEqual(['between', 'b1', '51-["a",2]', Buffer.from([2])]);
  });

  it('replaces nothing for a peer that keeps up, which has something waiting between its polls', () => {
    const { connection, replace } = begin();
    for (let poll = 0; poll < 5; poll++) {
      for (let n = 0; n < 10; n++) replace('a', `${poll * 10 + n}`);
      time.pass(900);
      replace('a', 'last');
      connection.poll();
    }
    expect(connection.sent.filter((data) => data !== 'last')).toEqual(Array.from({ length: 50 }, (_, n) => `${n}`));
  });

  it('replaces once something has waited for a second, until the peer polls again', () => {
    const { connection, replace } = begin();
    for (const data of ['a1', 'a2']) replace('a', data);
    time.pass(1_000);
    for (const data of ['a3', 'a4']) replace('a', data);
    replace('b', 'b1');
    replace('b', 'b2');
    connection.poll();
    for (const data of ['a5', 'a6']) replace('a', data);
    connection.poll();
    expect(connection.sent).toEqual(['a4', 'b2', 'a5', 'a6']);
  });

  it('leaves what has gone out', () => {
    const { connection, replace } = begin();
    replace('a', 'a1');
    connection.poll();
    replace('a', 'a2');
    expect(connection.sent).toEqual(['a1']);
    connection.poll();
    expect(connection.sent).toEqual(['a1', 'a2']);
  });

  it('leaves the one before where it does not come into line itself', () => {
    const { connection, replace } = begin();
    replace('a', 'a1');
    // As one that is volatile.
    replace('a');
    connection.poll();
    expect(connection.sent).toEqual(['a1']);
  });

  it('goes out at once where it can', () => {
    const { connection, replace } = begin();
    connection.poll();
    replace('a', 'a1');
    expect(connection.sent).toEqual(['a1']);
  });

  it('costs the one before it, so that any number of them is within the budget, and few are kept', async () => {
    const { connection, replace, slow } = begin();
    let n = 0;
    await keepSending(
      () => {
        for (const end = n + 10; n < end; n++) replace(`${n % 3}`, `${n}`, Buffer.alloc(5_000), Buffer.alloc(n % 100));
      },
      () => slow.length > 0,
      A_WHILE_MS,
    );
    expect(slow).toEqual([]);
    expect(n).toBeGreaterThan(100);
    expect(connection.waiting).toHaveLength(9);
    expect(connection.writeBuffer.length).toBeLessThan(200);
    connection.poll();
    expect(connection.sent.filter((data) => typeof data === 'string')).toEqual([n - 3, n - 2, n - 1].map(String));
  });

  it('leaves nothing of the others where the transport takes over what waits', () => {
    const { backlogs, connection, counted, replace } = begin();
    backlogs.watch(counted, 1);
    for (let n = 0; n < 10; n++) replace('a', `a${n}`);
    backlogs.unwatch(counted);
    connection.transport.writable = true;
    connection.flush();
    expect(connection.sent).toEqual(['a9']);
  });
});
