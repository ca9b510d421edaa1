// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { beforeAll, describe, expect, it } from 'vitest';
import { eventually, within } from '../support/facts.js';
import { rawPolling, rawWebSocket } from '../support/raw.js';
import { connect } from '../support/server.js';
import { itExceptOnBun, SETTING } from '../support/setting.js';
import { enter, idOf, type Served, serve, WAYS } from './program.js';
import { ask, opening } from './requests.js';

/** One program with a server for each set of options. */
let program: Served;
let at: Awaited<ReturnType<typeof serveAll>>;

const serveAll = () =>
  program.run(async ({ serve, lines }) => ({
    bare: await serve({ serverOptions: { path: '/io' } }),
    slash: await serve({ serverOptions: { path: '/deep/io/' } }),
    noSlash: await serve({ serverOptions: { path: '/io', addTrailingSlash: false } }),
    pings: await serve({ serverOptions: { pingInterval: 150, pingTimeout: 4_000 } }),
    small: await serve({ serverOptions: { maxHttpBufferSize: 1_000 } }),
    onlyWebSocket: await serve({ serverOptions: { transports: ['websocket'] } }),
    onlyPolling: await serve({ serverOptions: { transports: ['polling'] } }),
    noUpgrades: await serve({ serverOptions: { allowUpgrades: false } }),
    upgradeTimeout: await serve({ serverOptions: { upgradeTimeout: 2_000 } }),
    cookie: await serve({ serverOptions: { cookie: true } }),
    ownCookie: await serve({
      serverOptions: {
        cookie: { name: 'sticky', path: '/app', maxAge: 60, domain: 'a.example', secure: true, sameSite: 'strict' },
      },
    }),
    plain: await serve({ serverOptions: {} }),
    lines: lines.filter((line) => line.startsWith('warn')),
    notOnBun: await serve({
      serverOptions: { allowEIO3: true, perMessageDeflate: true, httpCompression: true, serveClient: true },
    }),
    overruled: lines.filter((line) => line.startsWith('warn') && line.includes('has no effect')),
  }));

beforeAll(async () => {
  program = await serve();
  at = await serveAll();
});

describe('path', () => {
  it.each([
    ['/io', 'bare', ['/io/', '/io/more'], ['/io', '/socket.io/', '/iota/', '/']],
    ['/deep/io/', 'slash', ['/deep/io/'], ['/io/', '/deep/', '/deep/io']],
    ['/io without a trailing slash', 'noSlash', ['/io', '/io/'], ['/socket.io/', '/']],
    ['none', 'plain', ['/socket.io/'], ['/socket.io', '/engine.io/', '/io/']],
  ] as const)('%s is served at that path and no other', async (_, name, served, others) => {
    for (const path of served) {
      expect((await ask(at[name], opening('polling', path))).status, path).toBe(200);
      await rawWebSocket(at[name], { path });
    }
    for (const path of others) {
      expect((await ask(at[name], opening('polling', path))).status, path).toBe(404);
    }
  });

  it.each(['/io', '/io/'])('clients find it with %s', async (path) => {
    await enter(at.bare, { path });
  });
});

describe('pingInterval and pingTimeout', () => {
  it('are announced in the open packet, over both transports', async () => {
    for (const [url, pings] of [
      [at.pings, { pingInterval: 150, pingTimeout: 4_000 }],
      [at.plain, { pingInterval: 25_000, pingTimeout: 20_000 }],
    ] as const) {
      expect((await rawPolling(url)).handshake).toMatchObject(pings);
      const frame = String(await (await rawWebSocket(url)).frames.next());
      expect(JSON.parse(frame.slice(1))).toMatchObject(pings);
    }
  });

  it('a peer that answers is pinged repeatedly; a peer that does not is closed, over WebSocket', async () => {
    const [good, bad] = [
      await rawWebSocket(at.pings, { answerPings: false }),
      await rawWebSocket(at.pings, { answerPings: false }),
    ];
    for (const socket of [good, bad]) await socket.connect('/', { token: 'good' });
    for (let times = 0; times < 4; times++) {
      await good.frames.next((frame) => frame === '2');
      good.send('3');
    }
    await bad.closed;
    expect(bad.frames.all.filter((frame) => frame === '2')).toHaveLength(1);
    await good.frames.next((frame) => frame === '2');
  });

  it('a peer that answers is pinged repeatedly; a peer that does not is closed, over polling', async () => {
    const polling = await rawPolling(at.pings, { answerPings: false });
    await polling.connect('/', { token: 'good' });
    const heard: string[] = [];
    const toTheEnd = async (): Promise<void> => {
      heard.push(...(await polling.poll(10_000)));
      await toTheEnd();
    };
    // The pending poll gets the close packet, or an error for an unknown session.
    await expect(within(toTheEnd(), 'the end of the session', 15_000)).rejects.toThrow();
    expect(heard.filter((packet) => packet === '2')).toHaveLength(1);
    await expect(polling.post('3')).resolves.toMatchObject({ status: 400 });
  });
});

describe('maxHttpBufferSize', () => {
  const event = (bytes: number): string => `42["${'x'.repeat(bytes - '42[""]'.length)}"]`;

  it('is announced, and a frame of that many bytes passes, over WebSocket', async () => {
    const socket = await rawWebSocket(at.small);
    const open = JSON.parse(String(await socket.frames.next()).slice(1));
    expect(open.maxPayload).toBe(1_000);
    socket.send('40');
    await socket.frames.next((frame) => String(frame).startsWith('40'));
    socket.send(event(1_000));
    socket.emit('authenticate');
    await socket.event('unauthenticated');
    const large = await rawWebSocket(at.small);
    await large.connect();
    large.send(event(1_001));
    // 1009, if the close has a code at all.
    expect([1009, 1006]).toContain((await large.closed).code);
  });

  it('a body of that many bytes passes over polling; a larger one is answered 413', async () => {
    const polling = await rawPolling(at.small);
    expect(polling.handshake.maxPayload).toBe(1_000);
    await polling.connect();
    expect((await polling.post(event(1_000))).status).toBe(200);
    expect((await polling.post(event(1_001))).status).toBe(413);
  });

  it('counts bytes, not characters', async () => {
    const polling = await rawPolling(at.small);
    await polling.connect();
    expect((await polling.post(`42["${'ü'.repeat(600)}"]`)).status).toBe(413);
    const socket = await rawWebSocket(at.small);
    await socket.connect();
    socket.send(`42["${'ü'.repeat(600)}"]`);
    await socket.closed;
  });
});

describe('transports', () => {
  const unknown = { status: 400, body: '{"code":0,"message":"Transport unknown"}' };

  it("['websocket'] serves WebSocket and refuses polling", async () => {
    expect(await ask(at.onlyWebSocket, opening('polling'))).toMatchObject(unknown);
    await enter(at.onlyWebSocket, { transports: ['websocket'] });
    const client = connect(at.onlyWebSocket, { transports: ['polling'] });
    await client.heardOf('connect_error');
  });

  it("['polling'] serves polling, offers no upgrade, and refuses WebSocket", async () => {
    const polling = await rawPolling(at.onlyPolling);
    expect(polling.handshake.upgrades).toEqual([]);
    await expect(rawWebSocket(at.onlyPolling)).rejects.toThrow('400');
    await expect(rawWebSocket(at.onlyPolling, { query: { sid: polling.sid } })).rejects.toThrow('400');
    await enter(at.onlyPolling, { transports: ['polling'] });
    const client = connect(at.onlyPolling, { transports: ['polling', 'websocket'] });
    await client.heardOf('connect');
    expect(client.socket.io.engine.transport.name).toBe('polling');
  });

  it('both are served by default, and the upgrade is offered', async () => {
    expect((await rawPolling(at.plain)).handshake.upgrades).toEqual(['websocket']);
    for (const { transports } of WAYS) await enter(at.plain, { transports });
  });
});

describe('upgrades', () => {
  it('allowUpgrades: false offers no upgrade, and serves both transports', async () => {
    const polling = await rawPolling(at.noUpgrades);
    expect(polling.handshake.upgrades).toEqual([]);
    await polling.connect();
    expect((await polling.post('42["authenticate"]')).status).toBe(200);
    await enter(at.noUpgrades, { transports: ['websocket'] });
  });

  it('upgradeTimeout closes an incomplete upgrade, and the session continues over polling', async () => {
    const polling = await rawPolling(at.upgradeTimeout);
    await polling.connect('/', { token: 'good' });
    const socket = await rawWebSocket(at.upgradeTimeout, { query: { sid: polling.sid } });
    socket.send('2probe');
    expect(await socket.frames.next()).toBe('3probe');
    await socket.closed;
    await polling.emit('authenticate');
    await polling.next((packet) => packet.startsWith('42["authenticated"'));
  });
});

describe('cookie', () => {
  const cookieOf = async (url: string): Promise<string> => {
    const { headers, body } = await ask(url, opening('polling'));
    const { sid } = JSON.parse(body.slice(1)) as { sid: string };
    return String(headers['set-cookie']).replace(sid, 'SID');
  };

  it('names the session in the first response, with default or given settings; off by default', async () => {
    expect(await cookieOf(at.cookie)).toBe('io=SID; Path=/; HttpOnly; SameSite=Lax');
    expect(await cookieOf(at.ownCookie)).toBe(
      'sticky=SID; Max-Age=60; Domain=a.example; Path=/app; HttpOnly; Secure; SameSite=Strict',
    );
    expect(await cookieOf(at.plain)).toBe('undefined');
    const polling = await rawPolling(at.cookie);
    expect((await polling.post('40')).headers['set-cookie']).toBeUndefined();
  });
});

describe('an option that Bun or its engine lacks', () => {
  const NAMES = ['allowEIO3', 'perMessageDeflate', 'httpCompression', 'serveClient'];

  it('is reported once by name if it is set, and not otherwise', () => {
    expect(at.lines).toEqual([]);
    const named = at.overruled.map((line) => /"serverOptions\.(\w+)"/.exec(line)?.[1]).sort();
    expect(named).toEqual(SETTING.runtime === 'bun' ? [...NAMES].sort() : []);
  });

  itExceptOnBun('the engine supports protocol 4 only')('allowEIO3', async () => {
    const { status } = await ask(at.notOnBun, '/socket.io/?EIO=3&transport=polling');
    expect(status).toBe(200);
  });

  itExceptOnBun('socketio/bun-engine#7: it does not compress')('perMessageDeflate', async () => {
    const { WebSocket } = await import('ws');
    const socket = new WebSocket(`${at.notOnBun.replace('http', 'ws')}${opening('websocket')}`);
    await new Promise((resolve) => socket.once('open', resolve));
    const { extensions } = socket;
    socket.terminate();
    expect(extensions).toBe('permessage-deflate');
  });

  itExceptOnBun('socketio/bun-engine#7: it does not compress')('httpCompression', async () => {
    const headers = { 'accept-encoding': 'gzip' };
    const polling = await rawPolling(at.notOnBun);
    const session = `${opening('polling')}&sid=${polling.sid}`;
    await polling.connect('/', { token: 'good' });
    await polling.emit('authenticate');
    await polling.next((packet) => packet.startsWith('42["authenticated"'));
    // Its answer exceeds the compression threshold of 1 024 bytes.
    await polling.emit('leave', [{ rooms: Array.from({ length: 200 }, (_, n) => `a room of number ${n}`) }], 1);
    expect((await ask(at.notOnBun, session, { headers })).headers['content-encoding']).toBe('gzip');
  });

  itExceptOnBun('the engine serves no files')('serveClient', async () => {
    const { status, body } = await ask(at.notOnBun, '/socket.io/socket.io.js');
    expect(status).toBe(200);
    expect(body).toContain('Socket.IO');
  });
});

describe('connection_error', () => {
  it('reports a rejected request in the same way on each runtime', async () => {
    await program.run(({ io, note }) => {
      io.engine.on('connection_error', ({ code, message, context, req }) =>
        note({ code, message, context, url: req.url, method: req.method }),
      );
    });
    const refused = [
      ['/socket.io/?EIO=4&transport=pigeon', 0, 'Transport unknown', { transport: 'pigeon' }],
      ['/socket.io/?EIO=4&transport=polling&sid=x', 1, 'Session ID unknown', { sid: 'x' }],
      ['/socket.io/?EIO=4&transport=websocket', 3, 'Bad request', { name: 'TRANSPORT_HANDSHAKE_ERROR' }],
      ['/socket.io/?EIO=3&transport=polling', 5, 'Unsupported protocol version', { protocol: 3 }],
    ] as const;
    for (const [url, code, message, context] of refused) {
      const { status, body } = await ask(program.url, url);
      expect([status, JSON.parse(body)]).toEqual([400, { code, message }]);
      expect(await program.note()).toEqual({ code, message, context, url, method: 'GET' });
    }
    expect((await ask(program.url, opening('polling'), { method: 'POST', body: '40' })).body).toContain(
      'Bad handshake method',
    );
    expect(await program.note()).toMatchObject({ code: 2, context: { method: 'POST' } });
  });
});

it('a client that reconnects gets a new id, and the old id reaches no client', async () => {
  const client = await enter(program.url);
  const first = idOf(client);
  client.socket.disconnect().connect();
  await eventually(() => client.socket.connected);
  expect(idOf(client)).not.toBe(first);
  await eventually(() => program.run(({ helper }, id) => helper.getClients({ id }) === undefined, first));
});
