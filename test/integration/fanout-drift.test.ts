// npm test: node
// npm run test:matrix: newest-node
import { setImmediate as tick } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { NodeFanout } from '../../src/fanout/node-fanout.js';
import type { Broadcast, Recipient } from '../../src/ports/fanout.js';
import { NodeEngine } from '../../src/socketio/node-engine.js';
import { defer } from '../support/cleanup.js';
import { beginUpgrade, connectPolling, startEngine, type TestConnection, type TestStream } from '../support/engine.js';
import { eventually } from '../support/facts.js';

/** The limit of buffered bytes. */
const MOST = 50_000;

async function start() {
  const engine = startEngine();
  const slow: unknown[] = [];
  const reports: unknown[] = [];
  const fanout = new NodeFanout({
    ...{ coalesce: true, mostBytes: MOST, report: (report) => reports.push(report) },
    tooSlow: (wire) => slow.push(wire),
  });
  defer(() => fanout.close());
  fanout.attach(new NodeEngine(engine));
  const connection = await connectPolling(engine);
  return { engine, fanout, slow, reports, connection, send: sender(fanout, connection) };
}

/** Sends like the adapter. */
function sender(fanout: NodeFanout, connection: TestConnection) {
  const socket: Recipient = {
    id: 'one',
    client: { conn: connection as never },
  };
  return (data: string) => {
    const encoded = [data];
    const options = {};
    const broadcast: Broadcast<Buffer> = {
      encoded,
      options,
      prepared: fanout.prepare(encoded, options),
      key: undefined,
    };
    fanout.deliver(socket, broadcast);
  };
}

/** The numbers of the written messages. */
function numbersIn({ written }: TestStream): number[] {
  return [...written.join('').matchAll(/n(\d+);/g)].map(([, number]) => Number(number));
}

/** Orders in which an engine can emit `upgrade` and `flush`. */
const ORDERS: Readonly<Record<string, (connection: TestConnection) => void>> = {
  'as the one that is installed': () => {},
  'flushing before it says so': (connection) => {
    const { emit } = connection;
    connection.emit = (event: string, ...args: unknown[]) => {
      if (event === 'upgrade') connection.flush();
      return emit.call(connection, event, ...args);
    };
  },
  'flushing in a later tick': (connection) => {
    const { flush } = connection;
    connection.flush = () => void setImmediate(() => setImmediate(() => flush.call(connection)));
  },
};

describe.each(Object.keys(ORDERS))('an engine that upgrades to WebSocket %s', (order) => {
  it('sends the queue first, then later messages, in order', async () => {
    const { engine, connection, send } = await start();
    for (let n = 0; n < 3; n++) send(`n${n};`);
    const { stream, finish } = beginUpgrade(engine, connection);
    await tick();
    connection.once('upgrade', () => send('n3;'));
    ORDERS[order]?.(connection);
    finish();
    send('n4;');
    await Promise.resolve();
    send('n5;');
    await tick();
    send('n6;');
    for (let ticks = 0; ticks < 5; ticks++) await tick();
    send('n7;');
    // On a busy machine, messages wait for some milliseconds instead of a tick.
    await eventually(() => expect(numbersIn(stream)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]));
  });

  it('then closes a peer that reads nothing', async () => {
    const { engine, connection, slow, send } = await start();
    send('x'.repeat(MOST));
    const { stream, finish } = beginUpgrade(engine, connection);
    await tick();
    stream.takes = false;
    ORDERS[order]?.(connection);
    finish();
    const end = performance.now() + 10_000;
    while (slow.length === 0 && performance.now() < end) {
      send('x'.repeat(2_000));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect(slow).toEqual([connection]);
  });
});

it('an engine with another form of packets is left alone, which is reported once', async () => {
  const engine = startEngine();
  const { handshake } = engine;
  engine.handshake = async function (transport, request, refuse) {
    await handshake.call(this, transport, request, refuse);
    const [connection] = Object.values((this as unknown as { clients: Record<string, TestConnection> }).clients);
    const { transport: made } = connection as unknown as { transport: { send?: unknown } };
    let send: ((packets: readonly object[]) => void) | undefined;
    Object.defineProperty(made, 'send', {
      get: () => (packets: readonly { data: unknown }[]) =>
        send?.(packets.map(({ data }) => ({ kind: 4, body: data }))),
      set: (plain) => {
        send = plain;
      },
    });
  };
  const reports: unknown[] = [];
  const fanout = new NodeFanout({
    ...{ coalesce: true, mostBytes: MOST, report: (report) => reports.push(report), tooSlow: () => {} },
  });
  defer(() => fanout.close());
  fanout.attach(new NodeEngine(engine));
  await tick();
  expect(reports).toEqual([{ type: 'fanout_fallback', missing: 'the packets that a transport is sent' }]);
  expect(fanout.prepare(['2["a"]'], {})).toBeUndefined();
});
