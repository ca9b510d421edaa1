// npm test: node
// npm run test:matrix: newest-node
import { EventEmitter } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Packet } from 'socket.io-parser';
import { describe, expect, it, vi } from 'vitest';
import { Gate, receiverOf } from '../../src/gate/gate.js';
import type { IOSocket } from '../../src/ports/socket.js';
import { DEFAULT_LIMITS } from '../../src/protocol/limits.js';
import { Connections } from '../../src/server/connections.js';
import { type InboundTable, inboundTable } from '../../src/server/inbound.js';
import type { EventRow } from '../../src/server/inbound-rows.js';
import type { Report } from '../../src/server/reports.js';
import { Registry } from '../../src/session/registry.js';
import { Session } from '../../src/session/session.js';
import { PacketType } from '../../src/socketio/packages.js';
import { connect, connectAuthenticated, startServer } from '../support/server.js';

const ROOT = join(import.meta.dirname, '..', '..');

/** The test files of each row, in which a client causes its event. The compiler reports a missing row. */
const TESTS: { readonly [G in keyof InboundTable]: { readonly [R in keyof InboundTable[G]]: readonly string[] } } = {
  connections: {
    opened: ['behaviour/authentication', 'behaviour/shutdown'],
    closed: ['integration/authentication', 'behaviour/endings'],
    joinedRoot: ['integration/own-parser', 'wire/handshake'],
    joinedOther: ['integration/beside', 'abuse/gate-inbound'],
  },
  limits: {
    tooManyConnects: ['abuse/connect-flood'],
    tooManyStrangers: ['abuse/strangers'],
    deadlinePassed: ['integration/deadline', 'abuse/deadline'],
    tooManyHeldEvents: ['behaviour/early-events', 'integration/early-events'],
    readsTooSlowly: ['behaviour/slow-reader', 'abuse/stuck-peers'],
    tooManyMessages: ['behaviour/pacing'],
  },
  packets: {
    event: ['abuse/gate-inbound', 'abuse/payloads', 'integration/early-events'],
    acknowledgement: ['abuse/gate-inbound'],
    disconnect: ['wire/endings'],
  },
  events: {
    disconnect: ['behaviour/endings', 'wire/endings'],
    authenticate: ['wire/authentication', 'behaviour/authentication', 'abuse/one-attempt'],
    join: ['wire/rooms', 'behaviour/rooms', 'abuse/rooms'],
    leave: ['wire/rooms', 'behaviour/rooms', 'abuse/rooms'],
  },
  renewals: {
    authenticate: ['behaviour/renewal'],
  },
};

function emptyTable(): InboundTable {
  const performers = { does: {}, connectionsDo: {}, packetsDo: {}, roomsDo: {} };
  return inboundTable({ registry: new Registry() } as never, performers as never);
}

/** Names with a listener, except Socket.IO's own listener of `error`. */
const eventsOf = (socket: IOSocket | undefined): unknown[] =>
  socket
    ?.eventNames()
    .filter((name) => name !== 'error')
    .sort() ?? [];

const namesOf = (table: object): string[] =>
  Object.entries(table).flatMap(([group, rows]) => Object.keys(rows).map((row) => `${group}.${row}`));

describe('the inbound table', () => {
  it('names an existing test file in each row', () => {
    expect(namesOf(TESTS).sort()).toEqual(namesOf(emptyTable()).sort());
    const files = Object.values(TESTS).flatMap((rows) => Object.values(rows).flat());
    expect(files.filter((file) => !existsSync(join(ROOT, 'test', `${file}.test.ts`)))).toEqual([]);
  });

  it('is used by every listener of src/server', () => {
    const folder = join(ROOT, 'src', 'server');
    // Log lines show what to write.
    const files = readdirSync(folder).filter((file) => file !== 'reports.ts');
    const listeners = files.flatMap((file) => {
      const lines = readFileSync(join(folder, file), 'utf8').split('\n');
      const found = lines.filter((line) => /\.(on|onWire|once|addListener|prependListener|onAny|use)\(/.test(line));
      return found.filter((line) => !/^\s*(\*|\/\/)/.test(line)).map((line) => `${file}: ${line.trim()}`);
    });
    // Three belong to the program: its handlers, and signals of its process. Handlers of `handle()` have listeners only in the fallback.
    expect(listeners).toEqual([
      expect.stringContaining('component.ts: if (heed) process.on(signal'),
      expect.stringContaining('compose-handlers.ts: socket.on(topic, (...args: unknown[])'),
      expect.stringContaining('connections.ts: wires.onWire((connection)'),
      expect.stringMatching(/^connections\.ts: connection\.on\('close', this\.#closed\)/),
      expect.stringMatching(/^connections\.ts: io\.on\('new_namespace'.*this\.#joinedOther\(socket, other\.name\)/),
      expect.stringMatching(/^connections\.ts: io\.on\('connect'/),
      expect.stringMatching(/^connections\.ts: .*socket\.on\(name, this\.#listeners\[name\]\)/),
      expect.stringContaining("listening.ts: server.once('listening', listener)"),
      expect.stringContaining('server-helper.ts: events.on(topic, listener)'),
    ]);
  });

  it('lists the socket events with listeners before and after authentication', async () => {
    const { url, helper } = await startServer();
    const { events } = emptyTable();
    const early = Object.entries(events).filter(([, { allowed }]) => allowed !== 'after authentication');
    await connect(url);
    await vi.waitFor(() => expect(helper.getClients().size).toBe(1));
    const [client] = helper.getClients().values();
    expect(eventsOf(client?.socket)).toEqual(early.map(([name]) => name).sort());

    const { id } = (await connectAuthenticated(url)).socket;
    const socket = helper.getClients({ id: String(id) })?.socket;
    expect(eventsOf(socket)).toEqual(Object.keys(events).sort());
    for (const name of Object.keys(events)) expect(socket?.listenerCount(name)).toBe(1);
  });

  it('accepts no kind of packet without a row', () => {
    const delivered: number[] = [];
    const row = {
      flow: () => 'deliver' as const,
      perform: (_: unknown, { type }: { type: number }) => void delivered.push(type),
    };
    const receive = receiverOf({ event: row, acknowledgement: row, disconnect: row });
    for (let type = 0; type < 10; type++) receive.call({ id: 'a' } as IOSocket, { type } as never);
    const { DISCONNECT, EVENT, ACK, BINARY_EVENT, BINARY_ACK } = PacketType;
    expect(delivered).toEqual([DISCONNECT, EVENT, ACK, BINARY_EVENT, BINARY_ACK]);
  });
});

describe('the flow of a packet', () => {
  const setUpGate = () => {
    const registry = new Registry();
    const socket = Object.assign(new EventEmitter(), { id: 'a', conn: {} }) as unknown as IOSocket;
    const session = new Session(socket, {} as never);
    registry.add(session);
    const gate = new Gate({ find: (id) => registry.get(id), payloadDepth: 2, isOver: () => false, report: () => {} });
    const decide = (...data: unknown[]) => gate.decideEvent('a', packetOf(...data));
    return { socket, session, gate, decide };
  };
  const packetOf = (...data: unknown[]): Packet => ({ type: PacketType.EVENT, nsp: '/', data, id: 7 });

  it('accepts one `authenticate`, and leaves its acknowledgement to the performer', () => {
    const { gate, decide } = setUpGate();
    expect(decide('early')).toBe('drop');
    const packet = packetOf('authenticate', {});
    expect(gate.decideEvent('a', packet)).toBe('authenticate');
    expect(packet.id).toBe(7);
    expect(decide('authenticate', {})).toBe('drop');
  });

  it('returns that an event waits, and leaves holding it to the performer', () => {
    const { session, socket, decide } = setUpGate();
    session.moveTo('authenticating');
    session.moveTo('authenticated');
    session.holdEarly(DEFAULT_LIMITS);
    socket.on('known', () => {});
    expect(['known', 'unknown', 'known'].map((name) => decide(name))).toEqual(['deliver', 'hold', 'deliver']);
    expect(session.early?.count).toBe(0);
    session.early?.add(packetOf('unknown'));
    expect(decide('known')).toBe('hold');
    expect(decide('known', [[[[]]]])).toBe('drop');
  });
});

/** A socket with one event that runs `row`. */
function setUp(row: Partial<EventRow<string>>) {
  const reports: Report[] = [];
  const socket = Object.assign(new EventEmitter(), { id: 'a', conn: {} }) as unknown as IOSocket;
  const registry = new Registry();
  const session = new Session(socket, {} as never);
  registry.add(session);
  const table = { ...emptyTable(), events: {} as InboundTable['events'] };
  const whole = { allowed: 'before authentication', where: 'a test', flow: () => 'yes', perform: [], ...row };
  for (const name of ['disconnect', 'authenticate', 'join', 'leave']) Object.assign(table.events, { [name]: whole });
  const report = (it: Report) => reports.push(it);
  new Connections({ table, registry, report } as never).listenToSocket(socket, false);
  return { session, ask: (...args: unknown[]) => (socket as unknown as EventEmitter).emit('join', ...args), reports };
}

describe('a row', () => {
  it('passes the payload to its flow, and the verdict and acknowledgement to each step in order', () => {
    const acted: unknown[] = [];
    const { ask, session } = setUp({
      flow: (_, payload) => `verdict on ${payload}`,
      perform: [
        (it, verdict) => void acted.push(it === session, verdict),
        (_, verdict, acknowledge) => acknowledge(verdict as never),
      ],
    });
    ask('rooms', (answer: unknown) => acted.push(answer));
    expect(acted).toEqual([true, 'verdict on rooms', 'verdict on rooms']);
  });

  it('drops a verdict after its session has ended', async () => {
    const step = vi.fn();
    const { ask, session } = setUp({ flow: async () => 'yes', perform: [step] });
    ask();
    session.end();
    await new Promise(setImmediate);
    expect(step).not.toHaveBeenCalled();
  });

  it('runs no further step after its session has ended', async () => {
    const last = vi.fn();
    const { ask } = setUp({ perform: [async (session) => void session.end(), last] });
    ask();
    await new Promise(setImmediate);
    expect(last).not.toHaveBeenCalled();
  });

  it('calls no flow if its beginning ignores the event', () => {
    const flow = vi.fn(() => 'yes');
    const { ask } = setUp({ begin: () => false, flow });
    ask();
    expect(flow).not.toHaveBeenCalled();
  });

  it('reports an error of a step, and then runs its failure steps', async () => {
    const failed = vi.fn();
    const error = new Error('broken');
    const { ask, session, reports } = setUp({ perform: [() => Promise.reject(error)], failed });
    ask();
    await new Promise(setImmediate);
    expect(reports).toEqual([{ type: 'handler_failed', where: 'a test', client: 'a', error }]);
    expect(failed).toHaveBeenCalledWith(session);
  });
});
