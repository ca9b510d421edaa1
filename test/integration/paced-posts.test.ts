// npm test: node
// npm run test:matrix: newest-node
import { request } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { Report, ReportOf } from '../../src/server/reports.js';
import { EventLog, eventually, within } from '../support/facts.js';
import { type PollingPeer, type RawOptions, rawPolling, rawWebSocket } from '../support/raw.js';
import { connectAuthenticated, type Started, startServer, type TestOptions } from '../support/server.js';

const NO_RATE = { messagesPerSecond: Number.POSITIVE_INFINITY, messageBurst: Number.POSITIVE_INFINITY };

interface Flood extends Started {
  /** The numbers that arrived with `count`, in order. */
  readonly counted: EventLog<number>;
  readonly reported: <T extends Report['type']>(type: T) => ReportOf<T>[];
}

/** A server whose handler of `count` notes its number, after `handle`. */
async function startCounting(options: TestOptions = {}, handle: () => void = () => {}): Promise<Flood> {
  const counted = new EventLog<number>();
  const reports: Report[] = [];
  const started = await startServer({
    authenticateFn: () => true,
    clientConnectedFn: ({ socket }) => {
      socket.on('count', (number: number) => {
        handle();
        counted.push(number);
      });
      socket.on('ask', (answer: () => void) => answer());
    },
    onReport: (report) => reports.push(report),
    ...options,
  });
  const reported = <T extends Report['type']>(type: T): ReportOf<T>[] =>
    reports.filter((report): report is ReportOf<T> => report.type === type);
  return { ...started, counted, reported };
}

async function enter(url: string, options?: RawOptions): Promise<PollingPeer> {
  const peer = await rawPolling(url, options);
  await peer.connect();
  await peer.emit('authenticate');
  await peer.next((packet) => packet.startsWith('42["authenticated"'));
  return peer;
}

function counts(most: number, from = 0): string[] {
  return Array.from({ length: most }, (_, index) => `42["count",${from + index}]`);
}

const upTo = (most: number): number[] => Array.from({ length: most }, (_, index) => index);

function busyFor(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

describe('a POST of many packets', () => {
  it('is handled in order and completely, and answered after its last packet', async () => {
    const { url, counted } = await startCounting({ limits: NO_RATE });
    const peer = await enter(url);
    for (let from = 0; from < 3_000; from += 1_000) {
      expect((await peer.post(...counts(1_000, from))).status).toBe(200);
      expect(counted.all).toHaveLength(from + 1_000);
    }
    expect(counted.all).toEqual(upTo(3_000));
  });

  it('lets an event of another client pass its own packets', async () => {
    let passed: (() => void) | undefined;
    const { url, counted } = await startCounting({ limits: NO_RATE }, () => {
      busyFor(0.5);
      passed?.();
    });
    const flooder = await enter(url);
    const honest = await connectAuthenticated(url, { transports: ['websocket'] });
    const handledBefore = new Promise<number>((resolve, reject) => {
      passed = () => {
        passed = undefined;
        honest.socket
          .timeout(10_000)
          .emitWithAck('ask')
          .then(() => resolve(counted.all.length), reject);
      };
    });
    const flood = flooder.post(...counts(400));
    expect(await handledBefore).toBeLessThan(300);
    expect((await flood).status).toBe(200);
    expect(counted.all).toHaveLength(400);
  });

  it('does not let the client send a second one before the first is answered', async () => {
    const { url, counted, helper } = await startCounting({ limits: { messagesPerSecond: 1, messageBurst: 50 } });
    const peer = await enter(url);
    const first = peer.post(...counts(1_000));
    await counted.next((number) => number === 10);
    expect((await peer.post(...counts(1, 5_000))).status).toBe(400);
    await within(first, 'an answer to the first POST');
    await eventually(() => helper.getClients().size === 0);
    expect(counted.all).not.toContain(5_000);
  });

  it('is dropped, and answered, when the server disconnects its client', async () => {
    const { url, helper, counted } = await startCounting({ limits: NO_RATE }, () => {
      if (counted.all.length !== 100) return;
      for (const { socket } of helper.getClients().values()) helper.disconnect({ socket });
    });
    const peer = await enter(url);
    expect((await peer.post(...counts(5_000))).status).toBe(200);
    expect(counted.all.length).toBeLessThan(200);
  });

  it.each([
    [
      'JSONP',
      '/socket.io/?EIO=4&transport=polling&j=0',
      (packets: string[]) => `d=${encodeURIComponent(packets.join('\x1e'))}`,
    ],
    [
      'protocol 3',
      '/socket.io/?EIO=3&transport=polling',
      (packets: string[]) => packets.map((it) => `${it.length}:${it}`).join(''),
    ],
  ])('passes in slices over %s too', async (_, path, encode) => {
    let isLate = false;
    let turns = 0;
    const { url, counted } = await startCounting({ limits: NO_RATE, serverOptions: { allowEIO3: true } }, () => {
      busyFor(1);
      if (isLate) return;
      isLate = true;
      setImmediate(() => {
        isLate = false;
        turns++;
      });
    });
    const sid = /sid\\?":\\?"([^"\\]+)/.exec(await textOf(`${url}${path}`))?.[1];
    const session = `${url}${path}&sid=${sid}`;
    const post = async (...packets: string[]): Promise<void> => {
      const headers = { 'content-type': 'text/plain' };
      expect(await textOf(session, { method: 'POST', body: encode(packets), headers })).toBe('ok');
    };
    if (path.includes('EIO=4')) await post('40');
    await post('42["authenticate"]');
    while (!(await textOf(session)).includes('authenticated'));
    await post(...counts(100));
    expect(counted.all).toEqual(upTo(100));
    expect(turns).toBeGreaterThan(3);
  });
});

async function textOf(url: string, init?: RequestInit): Promise<string> {
  return (await fetch(url, init)).text();
}

describe('the rate of a client over long polling', () => {
  it('delays its packets and loses none', async () => {
    const { url, counted, reported } = await startCounting({ limits: { messagesPerSecond: 200, messageBurst: 20 } });
    const peer = await enter(url);
    const began = performance.now();
    expect((await peer.post(...counts(220))).status).toBe(200);
    expect(performance.now() - began).toBeGreaterThan(900);
    expect(counted.all).toEqual(upTo(220));
    expect(reported('limit_reached')).toEqual([]);
  });

  it('does not end a client whose answers to pings have to wait', async () => {
    const { url, counted, helper } = await startCounting({
      serverOptions: { pingInterval: 300, pingTimeout: 1_500 },
      limits: { messagesPerSecond: 10, messageBurst: 10 },
    });
    const peer = await enter(url, { answerPings: false });
    const post = peer.post(...counts(50), '3');
    await peer.next((packet) => packet === '2');
    expect((await post).status).toBe(200);
    expect(counted.all).toEqual(upTo(50));
    expect(helper.getClients().size).toBe(1);
  });

  it('ends a client that is above it for longer than delayedFor', async () => {
    const limits = { messagesPerSecond: 10, messageBurst: 10, delayedFor: 500, refusedFor: 1_234 };
    const { url, counted, reported, helper } = await startCounting({ limits });
    const peer = await enter(url);
    const post = peer.post(...counts(10_000));
    const packet = await peer.next((it) => it.startsWith('42["unauthenticated"'));
    expect(JSON.parse(packet.slice(2))[1]).toMatchObject({ code: 'rate_limited', retry: true, after: 1_234 });
    await within(post, 'an answer to the POST');
    await eventually(() => helper.getClients().size === 0);
    expect(counted.all.length).toBeLessThan(100);
    expect(reported('limit_reached')).toMatchObject([{ limit: 'messages_per_second' }]);
  });
});

describe('a message above maxHttpBufferSize', () => {
  const serverOptions = { maxHttpBufferSize: 100_000 };

  it('closes a WebSocket with code 1009, and is reported', async () => {
    const { url, reported, log } = await startCounting({ serverOptions });
    const peer = await rawWebSocket(url);
    const { sid } = await peer.connect();
    peer.emit('authenticate');
    await peer.event('authenticated');
    peer.emit('count', ['x'.repeat(200_000)]);
    expect((await within(peer.closed, 'the end of the WebSocket')).code).toBe(1009);
    expect(reported('message_too_large')).toEqual([
      { type: 'message_too_large', client: sid, maxBytes: 100_000, answer: 1009 },
    ]);
    expect(log.loud.join()).toContain('serverOptions.maxHttpBufferSize, 100000 bytes');
  });

  it('is not reported when a client closes with this code itself', async () => {
    const { url, reported } = await startCounting({ serverOptions });
    const peer = await rawWebSocket(url);
    await peer.connect();
    peer.close(1009);
    await within(peer.closed, 'the end of the WebSocket');
    await eventually(() => reported('client_disconnected').length === 1);
    expect(reported('message_too_large')).toEqual([]);
  });

  it.each([
    ['authenticated', 'with a length', true],
    ['authenticated', 'in chunks', false],
    ['not authenticated', 'with a length', true],
    ['not authenticated', 'in chunks', false],
  ])('is answered 413 over long polling, for a client that is %s, %s', async (state, _, hasLength) => {
    const { url, reported } = await startCounting({ serverOptions });
    const peer = state === 'authenticated' ? await enter(url) : await rawPolling(url);
    const body = Buffer.from(`42["count","${'x'.repeat(300_000)}"]`);
    const status = await within(
      statusOfPost(`${url}/socket.io/?EIO=4&transport=polling&sid=${peer.sid}`, body, hasLength),
      '413',
    );
    expect(status).toBe(413);
    await eventually(() => reported('message_too_large').length === 1);
    expect(reported('message_too_large')).toMatchObject([{ maxBytes: 100_000, answer: 413 }]);
  });
});

function statusOfPost(url: string, body: Buffer, hasLength: boolean): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'text/plain', ...(hasLength && { 'content-length': body.length }) };
    const post = request(url, { method: 'POST', headers }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    post.on('error', reject);
    post.end(body);
  });
}
