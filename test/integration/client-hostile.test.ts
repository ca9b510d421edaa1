// npm test: node, bun
// npm run test:matrix: newest-node, oldest-bun
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { checkSocketPacket, EnginePackets } from '../../src/client/server-packets.js';
import { track } from '../support/cleanup.js';
import { called, createHelper, startWordsServer } from '../support/client.js';
import { EventLog, eventually } from '../support/facts.js';
import { type Program, startProgram } from '../support/process.js';
import { isOnBunBefore, runnerOf } from '../support/setting.js';

const HANDSHAKE = { sid: 'engine', upgrades: [], pingInterval: 25_000, pingTimeout: 20_000, maxPayload: 1_000_000 };
const OPEN = `0${JSON.stringify(HANDSHAKE)}`;
const CONNECT = '40{"sid":"socket"}';
const LET_IN = '42["authenticated",{"id":"socket","time":"now"}]';
const NEWS = '42["news","still here"]';
/** They fit into one message, and not on the stack. */
const MANY_ARGUMENTS = ',1'.repeat(400_000);
const PROGRAM = new URL('../fixtures/client.mjs', import.meta.url);

interface RawServer {
  readonly url: string;
  /** WebSockets of clients, in order of connection. */
  readonly wires: EventLog<WebSocket>;
  /** Frames from clients. */
  readonly heard: EventLog<string>;
}

/** A server controlled by the test: it sends nothing over WebSockets by itself, and `answer` answers requests. */
async function startRawServer(
  answer: (request: IncomingMessage, response: ServerResponse) => void = (_, response) => response.writeHead(400).end(),
): Promise<RawServer> {
  const http = createServer(answer);
  const sockets = new WebSocketServer({ server: http });
  const wires: RawServer['wires'] = new EventLog();
  const heard: RawServer['heard'] = new EventLog();
  sockets.on('connection', (wire) => {
    wire.on('error', () => undefined);
    wire.on('message', (data) => heard.push(String(data)));
    wires.push(wire);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  track({
    stop: () => {
      for (const wire of sockets.clients) wire.terminate();
      http.closeAllConnections();
      http.close();
    },
  });
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, wires, heard };
}

/** A client in a separate program, on the runtime of the setting: an uncaught error ends the program. */
function startClient(url: string, transports: readonly string[], more: object = {}): Program {
  const options = { path: '/socket.io', transports, reconnectionDelay: 20, reconnectionDelayMax: 20 };
  const given = { host: url, autoAuthenticate: true, logger: false, options, ...more };
  return startProgram(PROGRAM, { ...runnerOf(), args: [JSON.stringify(given)] });
}

/** Connects a client over a new WebSocket, and authenticates it. */
async function letIn(server: RawServer, program: Program): Promise<WebSocket> {
  const wire = await server.wires.next();
  for (const frame of [OPEN, CONNECT, LET_IN]) wire.send(frame);
  await program.messages.next((message) => message.authenticated === true, { timeout: 10_000 });
  return wire;
}

const HOSTILE_HANDSHAKES: readonly (readonly [string, string])[] = [
  ['without anything', '0'],
  ['that is no JSON', '0{'],
  ['that is null', '0null'],
  ['that is a list', '0[]'],
  ['without a sid', `0${JSON.stringify({ ...HANDSHAKE, sid: undefined })}`],
  ['whose sid is no text of an address', `0${JSON.stringify({ ...HANDSHAKE, sid: '\ud800' })}`],
  ['whose sid is an object', `0${JSON.stringify({ ...HANDSHAKE, sid: {} })}`],
  ['whose pingInterval is a text', `0${JSON.stringify({ ...HANDSHAKE, pingInterval: 'x' })}`],
  ['whose pingTimeout is negative', `0${JSON.stringify({ ...HANDSHAKE, pingTimeout: -1 })}`],
];

const HOSTILE_PACKETS: readonly (readonly [string, string])[] = [
  ['an event without anything', '42'],
  ['an event that asks for an answer and has nothing', '421'],
  ['an acknowledgement without anything', '430'],
  ['an acknowledgement of a request that was never made', '4399[]'],
  ['a refusal without anything', '44'],
  ['a refusal of a namespace that is connected', '44{"message":"no"}'],
  ['a refusal that is a text', '44"no"'],
  ['an event with 400 000 arguments', `42["ping"${MANY_ARGUMENTS}]`],
  ['a second CONNECT', '40{"sid":"other"}'],
  ['a CONNECT without a sid', '40{}'],
  ['a CONNECT whose sid is an object', '40{"sid":{}}'],
  ['a second handshake', OPEN],
  ['a handshake that is no JSON', '0{'],
  ['a noop with data', '6x'],
];

/** Packets that Socket.IO's own parser refuses. */
const UNREADABLE_PACKETS: readonly (readonly [string, string])[] = [
  ['an event without a name', '42[]'],
  ['an event of a reserved name', '42["disconnect"]'],
  ['too many attachments', '4599999-["news"]'],
  ['an attachment that does not exist', '451-["news",{"_placeholder":true,"num":7}]'],
  ['an unknown packet', '49'],
];

describe('a hostile server does not end the process of a client:', () => {
  it.each(HOSTILE_HANDSHAKES)('with a handshake %s', async (_, handshake) => {
    const server = await startRawServer();
    const program = startClient(server.url, ['websocket']);
    (await server.wires.next()).send(handshake);
    expect(await program.messages.next(({ error }) => error !== undefined, { timeout: 10_000 })).toEqual({
      error: 'the handshake of the server is invalid',
    });
    await letIn(server, program);
  });

  it('with a handshake without upgrades, which is valid', async () => {
    const server = await startRawServer();
    const program = startClient(server.url, ['websocket']);
    const wire = await server.wires.next();
    wire.send(`0${JSON.stringify({ ...HANDSHAKE, upgrades: undefined, maxPayload: 'x' })}`);
    for (const frame of [CONNECT, LET_IN, NEWS]) wire.send(frame);
    await program.messages.next(({ event }) => event === 'news', { timeout: 10_000 });
  });

  it.each(HOSTILE_PACKETS)('with %s, and the connection continues', async (_, packet) => {
    const server = await startRawServer();
    const program = startClient(server.url, ['websocket']);
    const wire = await letIn(server, program);
    wire.send(packet);
    wire.send(NEWS);
    expect(await program.messages.next(({ event }) => event === 'news')).toEqual({ event: 'news', data: 'still here' });
    expect(server.wires.all).toHaveLength(1);
  });

  it.each(UNREADABLE_PACKETS)('with %s, after which the client reconnects', async (_, packet) => {
    const server = await startRawServer();
    const program = startClient(server.url, ['websocket']);
    const wire = await letIn(server, program);
    wire.send(packet);
    wire.send(Buffer.from('attachment'));
    await letIn(server, program);
  });

  it('that never answers a WebSocket close: the process exits within seconds', { timeout: 20_000 }, async () => {
    const server = await startRawServer();
    const program = startClient(server.url, ['websocket']);
    const wire = await letIn(server, program);
    wire.pause();
    program.send({ method: 'shutdown' });
    program.endInput();
    expect(await program.ended(12_000)).toEqual({ code: 0, signal: null });
  });

  it('with an acknowledgement without data, or with 400 000 arguments, for a request', async () => {
    const server = await startRawServer();
    const program = startClient(server.url, ['websocket']);
    const wire = await letIn(server, program);
    program.send({ method: 'joinRooms', args: [{ rooms: ['a'] }] });
    await server.heard.next((frame) => frame.startsWith('420["join"'));
    for (const frame of [`430[1${MANY_ARGUMENTS}]`, '430', '430{}', '430[]', NEWS]) wire.send(frame);
    await program.messages.next(({ event, status }) => event === 'news' || status?.status === 'waiting');
    program.send({ method: 'getState' });
    await program.messages.next(({ done }) => done === 'getState');
  });

  it('with handshakes that offer upgrades: each transport is opened once', async () => {
    let polls = 0;
    const server = await startRawServer((_, response) => {
      polls += 1;
      if (polls > 1) return;
      response.end(`0${JSON.stringify({ ...HANDSHAKE, upgrades: Array(500).fill('websocket') })}`);
    });
    startClient(server.url, ['polling', 'websocket']);
    await server.wires.next();
    await eventually(() => polls >= 2);
    await server.heard.next((frame) => frame === '2probe');
    expect(server.wires.all).toHaveLength(1);
  });

  it.each([
    ['without a location', {}],
    ['to nowhere', { location: 'http://a:99999' }],
  ])('with a redirect %s', async (_, headers) => {
    const server = await startRawServer((_request, response) => response.writeHead(302, headers).end());
    const program = startClient(server.url, ['polling']);
    const { error } = await program.messages.next((it) => it.error !== undefined, { timeout: 10_000 });
    const named = /redirects to (another address|http:\/\/a:99999), and Socket\.IO does not follow/;
    // Bun 1.2 follows redirects in `node:http`, so the client sees only that the last request failed.
    const followed = /the connection to [\d.:]+ failed \(ERR_INVALID_(ARG_TYPE|URL): /;
    expect(error).toMatch(isOnBunBefore([1, 3]) ? followed : named);
    program.send({ method: 'getState' });
    await program.messages.next(({ done }) => done === 'getState');
  });

  it.each([
    ['no text', ''],
    ['separators', '\x1e\x1e\x1e'],
    ['an unknown packet', 'x'],
    ['a broken handshake', '0{'],
    ['a broken base64 message', 'b!!!'],
  ])('with a poll response that contains %s', async (_, body) => {
    const polls = new EventLog<string>();
    const server = await startRawServer((request, response) => {
      polls.push(request.url ?? '');
      response.end(body);
    });
    const program = startClient(server.url, ['polling'], {
      options: { path: '/socket.io', transports: ['polling'], timeout: 200 },
    });
    await polls.next();
    await program.messages.next(({ error }) => error !== undefined, { timeout: 10_000 });
    program.send({ method: 'getState' });
    await program.messages.next(({ done }) => done === 'getState');
  });
});

describe('the memory that a client holds for a flooding server', () => {
  it('contains no event from before the namespace is connected', () => {
    expect(checkSocketPacket({ type: 2, data: ['news'] }, false)).toBe('unsound');
    expect(checkSocketPacket({ type: 2, data: ['news'] }, true)).toBe('sound');
  });

  it('contains at most one pong per second while the server reads nothing', () => {
    const packets = new EnginePackets();
    const types = (isWriting: boolean): readonly string[] =>
      [1, 2, 3].map(() => {
        const packet = { type: 'ping' };
        packets.check(packet, isWriting);
        return packet.type;
      });
    expect(types(false)).toEqual(['ping', 'ping', 'ping']);
    expect(types(true)).toEqual(['noop', 'noop', 'noop']);
  });
});

describe('a text from the server', () => {
  const HOSTILE_TEXT = `\u001b[2J\n[roomgate] web: forged\u202e${'x'.repeat(900_000)}`;

  it('is escaped and shortened in log lines', async () => {
    const server = await startWordsServer({ verdict: ['unauthenticated', { code: HOSTILE_TEXT, message: 'no' }] });
    const client = createHelper(server.url, { autoAuthenticate: true });
    await called(client, 'onUnauthenticated');
    const line = client.log.lines.find((each) => each.includes('unauthenticated'));
    expect(line).toContain('\\u001b[2J\\n[roomgate] web: forged\\u202e');
    expect(line?.length).toBeLessThan(400);
  });

  it('is escaped and shortened in refusals of rooms after a reconnect', async () => {
    const refused = Array.from({ length: 500 }, () => ({
      room: HOSTILE_TEXT.slice(0, 1_000),
      code: HOSTILE_TEXT.slice(0, 1_000),
      message: '',
    }));
    let asked = 0;
    const server = await startWordsServer({
      answer: (_, rooms) => (asked++ === 0 ? { joined: rooms, refused: [] } : { joined: [], refused }),
    });
    const client = createHelper(server.url, { autoAuthenticate: true });
    await client.helper.waitFor('authenticated');
    await client.helper.joinRooms({ rooms: ['a'] });
    for (const socket of server.io.sockets.sockets.values()) socket.conn.close();
    const line = await eventually(() => client.log.lines.find((each) => each.includes('not rejoined')) ?? false);
    expect(line.length).toBeLessThan(9_000);
    expect(line.match(/[\p{Cc}\u202e]/u)).toBeNull();
  });

  it('is escaped and shortened in a middleware’s refusal, in the log and in the error of waitFor()', async () => {
    const server = await startWordsServer();
    server.io.use((_, next) => next(new Error(HOSTILE_TEXT)));
    const client = createHelper(server.url);
    const error: unknown = await client.helper.waitFor('authenticated').catch((reason: unknown) => reason);
    expect((error as Error).message).toContain('\\u001b[2J');
    expect((error as Error).message.length).toBeLessThan(400);
    expect(client.log.lines.join('\n').length).toBeLessThan(1_000);
  });
});
