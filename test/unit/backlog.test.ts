// npm test: node
// npm run test:matrix: newest-node
import { EventEmitter } from 'node:events';
import { beforeEach, describe, expect, it } from 'vitest';
import { Backlogs } from '../../src/fanout/backlogs.js';
import type { Wire } from '../../src/ports/wire.js';
import { noteResponse } from '../../src/socketio/send-queue.js';
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

/** The members that the connections of all engine versions share. */
abstract class AnyConnection extends EventEmitter {
  readyState = 'open';
  sent: unknown[] = [];

  close(): void {
    this.readyState = 'closing';
  }

  send(data: unknown): void {
    if (this.readyState !== 'open') return;
    const packet = { type: 'message', data };
    this.emit('packetCreate', packet);
    this.enqueue(packet);
    this.flush();
  }

  abstract flush(): void;
  protected abstract enqueue(packet: AnyPacket): void;
}

/** The parts of an engine.io connection that its backlog depends on. */
class Connection extends AnyConnection {
  transport: { writable: boolean; unread: number; res: Answer | null } = { writable: false, unread: 0, res: null };
  writeBuffer: AnyPacket[] = [];

  protected enqueue(packet: AnyPacket): void {
    this.writeBuffer.push(packet);
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
  const wire = connection as unknown as Wire;
  backlogs.count(wire);
  const replace = (key: string, ...data: unknown[]) =>
    backlogs.replace(wire, key, () => {
      for (const each of data) connection.send(each);
    });
  return { backlogs, connection, wire, slow, replace };
}

/** Much longer than a client may be behind. */
const A_WHILE_MS = 500;

let time: { pass(ms: number): void };

beforeEach(() => {
  time = takeTheTime();
});

/** Sends once per tick of the event loop, 10 ms apart. */
async function keepSending(send: () => void, isDone: () => boolean, forMs = 10_000): Promise<void> {
  for (let ms = 0; !isDone() && ms < forMs; ms += 10) {
    send();
    time.pass(10);
    await new Promise(setImmediate);
  }
}

describe('a connection over its limit of waiting bytes', () => {
  it('is reported once, accepts no more packets, and is closed by its owner', async () => {
    const { connection, slow } = begin();
    await keepSending(
      () => connection.send('x'.repeat(2_000)),
      () => slow.length > 0,
    );
    expect(slow).toEqual([[connection, expect.any(Number)]]);
    expect(slow[0]?.[1]).toBeGreaterThan(MOST);
    expect(connection.readyState).toBe('closing');
  });

  it('is reported even if a poll is always open, and is not closed with an empty queue', async () => {
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

  it('has until the end of the tick, however long that is', () => {
    const { connection, slow } = begin();
    for (let ms = 0; ms < 300; ms++) {
      connection.send('x'.repeat(2_000));
      time.pass(1);
    }
    expect(slow).toEqual([]);
  });

  it('gets more time while ticks are long', async () => {
    const { connection, slow } = begin();
    for (let n = 0; n < 20; n++) connection.send('x'.repeat(2_000));
    time.pass(300);
    await new Promise(setImmediate);
    connection.send('x');
    expect(slow).toEqual([]);
  });

  it('is reported even if each message is almost empty', async () => {
    const { connection, slow } = begin();
    await keepSending(
      () => {
        for (let n = 0; n < 20; n++) connection.send('2');
      },
      () => slow.length > 0,
    );
    expect(slow).toHaveLength(1);
  });

  it('is not reported if one message with its attachments is the whole queue', async () => {
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

  it('is not reported if one message that is partly sent is the whole queue', async () => {
    const { backlogs, connection, wire, slow } = begin();
    backlogs.stop(wire);
    connection.transport.unread = MOST;
    backlogs.count(wire, MOST);
    for (let n = 0; n < 3; n++) connection.send(Buffer.alloc(MOST));
    await keepSending(
      () => connection.send('small'),
      () => slow.length > 0,
      A_WHILE_MS,
    );
    expect(slow).toEqual([]);
  });

  it('is not reported if a large message follows a small one', async () => {
    const { backlogs, connection, wire, slow } = begin();
    connection.send('small');
    connection.send('x'.repeat(10 * MOST));
    // The transport accepts everything, and is full after the first packet.
    backlogs.stop(wire);
    connection.writeBuffer = [];
    connection.transport.unread = 10 * MOST + 5;
    backlogs.count(wire, 5);
    await keepSending(
      () => connection.send('small'),
      () => slow.length > 0,
      A_WHILE_MS,
    );
    expect(slow).toEqual([]);
  });
});

describe('responses to polls that are not read', () => {
  it('are cut some time after their connection was closed, and at once if it was too slow', async () => {
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

  it('count as unread until then, even after a change of the transport', async () => {
    const { backlogs, connection, wire, slow } = begin();
    for (let n = 0; n < 20; n++) connection.send('x'.repeat(2_000));
    const answer = connection.poll();
    backlogs.stop(wire);
    backlogs.count(wire);
    connection.transport = { writable: false, unread: 0, res: null };
    await keepSending(
      () => connection.send('small'),
      () => slow.length > 0,
    );
    expect(slow).toHaveLength(1);
    expect(answer.isCut).toBe(false);
  });

  it('hold no memory after they were read', () => {
    const { backlogs, connection, wire } = begin();
    const answer = connection.poll();
    connection.send('x');
    backlogs.stop(wire);
    expect(connection.listenerCount('close')).toBe(1);
    answer.emit('close');
    expect(connection.eventNames()).toEqual([]);
    expect(
      Object.getOwnPropertySymbols(connection).map((symbol) => Reflect.get(connection, symbol)),
    ).not.toContainEqual(expect.objectContaining({ queued: expect.anything() }));
  });
});

describe('a message that replaces', () => {
  it('replaces all packets of the previous one, behind packets in between', () => {
    const { backlogs, connection, wire, replace } = begin();
    // The transport accepts no more packets.
    backlogs.count(wire, 1);
    replace('a', '51-["a",1]', Buffer.from([1]));
    connection.send('between');
    replace('b', 'b1');
    replace('a', '51-["a",2]', Buffer.from([2]));
    expect(connection.waiting).toEqual(['between', 'b1', '51-["a",2]', Buffer.from([2])]);
    connection.poll();
    expect(connection.sent).toEqual(['between', 'b1', '51-["a",2]', Buffer.from([2])]);
  });

  it('replaces nothing for a peer that keeps up, even with packets waiting between its polls', () => {
    const { connection, replace } = begin();
    for (let poll = 0; poll < 5; poll++) {
      for (let n = 0; n < 10; n++) replace('a', `${poll * 10 + n}`);
      time.pass(900);
      replace('a', 'last');
      connection.poll();
    }
    expect(connection.sent.filter((data) => data !== 'last')).toEqual(Array.from({ length: 50 }, (_, n) => `${n}`));
  });

  it('replaces after something has waited for a second, until the peer polls again', () => {
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

  it('does not replace sent packets', () => {
    const { connection, replace } = begin();
    replace('a', 'a1');
    connection.poll();
    replace('a', 'a2');
    expect(connection.sent).toEqual(['a1']);
    connection.poll();
    expect(connection.sent).toEqual(['a1', 'a2']);
  });

  it('does not remove the previous one if it does not enter the queue itself', () => {
    const { connection, replace } = begin();
    replace('a', 'a1');
    // Without packets, like a dropped volatile message.
    replace('a');
    connection.poll();
    expect(connection.sent).toEqual(['a1']);
  });

  it('is sent at once if possible', () => {
    const { connection, replace } = begin();
    connection.poll();
    replace('a', 'a1');
    expect(connection.sent).toEqual(['a1']);
  });

  it('frees the previous one’s bytes, so that any number stays within the budget and few are kept', async () => {
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

  it('removes all others when the transport takes over the queue', () => {
    const { backlogs, connection, wire, replace } = begin();
    backlogs.count(wire, 1);
    for (let n = 0; n < 10; n++) replace('a', `a${n}`);
    backlogs.stop(wire);
    connection.transport.writable = true;
    connection.flush();
    expect(connection.sent).toEqual(['a9']);
  });
});

/** An update of the engine may rename the queue and the response to a poll. */
class MovedConnection extends AnyConnection {
  transport = { name: 'polling', writable: false };
  queue: AnyPacket[] = [];

  protected enqueue(packet: AnyPacket): void {
    this.queue.push(packet);
  }

  flush(): void {
    if (!this.transport.writable || this.queue.length === 0) return;
    this.emit('flush', this.queue);
    this.sent.push(...this.queue.map(({ data }) => data));
    this.queue = [];
    this.transport.writable = false;
  }
}

describe('if an update has moved the queue of a connection', () => {
  function beginMoved() {
    const slow: Wire[] = [];
    const backlogs = new Backlogs(MOST, (wire) => slow.push(wire));
    const connection = new MovedConnection();
    const wire = connection as unknown as Wire;
    backlogs.count(wire);
    return { backlogs, connection, wire, slow };
  }

  it('a slow reader is still bounded, by the bytes and the number of its messages', async () => {
    for (const data of ['x'.repeat(2_000), '2']) {
      const { connection, slow } = beginMoved();
      await keepSending(
        () => {
          for (let n = 0; n < 20; n++) connection.send(data);
        },
        () => slow.length > 0,
      );
      expect([slow.length, connection.readyState]).toEqual([1, 'closing']);
    }
  });

  it('flushed packets no longer count', async () => {
    const { connection, slow } = beginMoved();
    await keepSending(
      () => {
        connection.transport.writable = true;
        connection.send('x'.repeat(MOST));
      },
      () => slow.length > 0,
      A_WHILE_MS,
    );
    expect([slow, connection.queue]).toEqual([[], []]);
  });

  it('no message is replaced, none is lost, and the budget holds', async () => {
    const { backlogs, connection, wire, slow } = beginMoved();
    // The transport accepts no more packets.
    backlogs.count(wire, 1);
    for (let n = 0; n < 3; n++) backlogs.replace(wire, 'a', () => connection.send(`a${n}`));
    expect(connection.queue.map(({ data }) => data)).toEqual(['a0', 'a1', 'a2']);
    await keepSending(
      () => backlogs.replace(wire, 'a', () => connection.send('x'.repeat(2_000))),
      () => slow.length > 0,
    );
    expect(slow).toHaveLength(1);
  });

  it('no message is replaced if the queue holds other packets than those reported', () => {
    const { backlogs, connection, wire, replace } = begin();
    backlogs.count(wire, 1);
    connection.on('packetCreate', () => {
      connection.writeBuffer.push = function (packet) {
        return Array.prototype.push.call(this, { ...packet });
      };
    });
    replace('a', 'a1');
    replace('a', 'a2');
    expect(connection.waiting).toEqual(['a1', 'a2']);
  });

  it('responses to polls count as the ingress saw them, the oldest one first', async () => {
    const { connection, wire, slow } = beginMoved();
    const responses = [0, 1, 2].map(() => Object.assign(new Answer(), { writableEnded: false }));
    for (const response of responses) noteResponse(wire, response);
    for (const response of responses) {
      connection.transport.writable = true;
      connection.send('x'.repeat(MOST));
      response.writableEnded = true;
    }
    await keepSending(
      () => connection.send('small'),
      () => slow.length > 0,
    );
    expect(slow).toHaveLength(1);
    connection.emit('close');
    await eventually(() => expect(responses.map(({ isCut }) => isCut)).toEqual([true, true, true]));
  });
});

describe('a connection on a transport that reports when it is full', () => {
  it('counts until its queue is handed over', async () => {
    const { backlogs, connection, wire, slow } = begin();
    const did: string[] = [];
    connection.send('queued');
    backlogs.stopAtFlush(wire, () => did.push('handed over'));
    expect(did).toEqual([]);
    connection.on('flush', () => did.push('flush'));
    connection.transport.writable = true;
    connection.flush();
    expect(did).toEqual(['handed over', 'flush']);
    expect([connection.listenerCount('packetCreate'), connection.listenerCount('flush')]).toEqual([0, 1]);
    expect(slow).toEqual([]);
  });

  it('is bounded even if that never happens', async () => {
    const { backlogs, connection, wire, slow } = begin();
    connection.send('queued');
    backlogs.stopAtFlush(wire, () => {});
    await keepSending(
      () => connection.send('x'.repeat(2_000)),
      () => slow.length > 0,
    );
    expect(slow).toHaveLength(1);
  });

  it('stops counting at once with an empty queue', () => {
    const { backlogs, connection, wire } = begin();
    const did: string[] = [];
    backlogs.stopAtFlush(wire, () => did.push('handed over'));
    expect([did, connection.eventNames()]).toEqual([['handed over'], []]);
  });
});
