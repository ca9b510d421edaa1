// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/facts.js';
import { type PollingPeer, rawPolling, rawWebSocket, type WebSocketPeer } from '../support/raw.js';
import { type Served, serve } from './program.js';

const MOST = 1_000;
let program: Served;

beforeAll(async () => {
  program = await serve({
    options: ({ memory }) => ({
      authenticateFn: () => true,
      limits: { payloadBytes: 1_000 },
      onReport: (report) => {
        memory.dropped ??= [];
        if (report.type === 'event_dropped') memory.dropped.push(report);
      },
      clientConnectedFn: ({ socket }) => {
        memory.handled ??= [];
        socket.on('say', (data, answer) => {
          memory.handled.push(typeof data === 'string' ? data.length : data.byteLength);
          answer?.('fine');
        });
      },
    }),
  });
});

const forget = () =>
  program.run(({ memory }) => {
    memory.handled = [];
    memory.dropped = [];
  });
const seen = () => program.run(({ memory }) => ({ handled: memory.handled, dropped: memory.dropped }));

/** The frame of an event `say` with this many bytes after the type of Engine.IO. `ack`: the id of an acknowledgement. */
const say = (bytes: number, ack = ''): string => `42${ack}["say","${'x'.repeat(bytes - `2${ack}["say",""]`.length)}"]`;

interface Way {
  readonly sid: string;
  send(...frames: readonly (string | Buffer)[]): Promise<unknown>;
  next(accepts: (frame: string) => boolean): Promise<string>;
}

async function overWebSocket(url: string): Promise<Way> {
  const peer: WebSocketPeer = await rawWebSocket(url);
  const { sid } = await peer.connect();
  peer.emit('authenticate');
  await peer.event('authenticated');
  return {
    sid,
    send: async (...frames) => {
      for (const frame of frames) peer.send(frame);
    },
    next: async (accepts) => String(await peer.frames.next((frame) => accepts(String(frame)))),
  };
}

async function overPolling(url: string): Promise<Way> {
  const peer: PollingPeer = await rawPolling(url);
  const { sid } = await peer.connect();
  await peer.emit('authenticate');
  await peer.next((packet) => packet.startsWith('42["authenticated"'));
  const text = (frame: string | Buffer): string => (typeof frame === 'string' ? frame : `b${frame.toString('base64')}`);
  return { sid, send: (...frames) => peer.post(...frames.map(text)), next: (accepts) => peer.next(accepts) };
}

const answerOf = (next: Way['next']): Promise<string> => next((frame) => frame.startsWith('43'));

describe.each([
  ['WebSocket', overWebSocket],
  ['long polling', overPolling],
])('limits.payloadBytes over %s', (_, enter) => {
  it('lets events pass up to that size, and answers larger ones', async () => {
    await forget();
    const { send, next, sid } = await enter(program.url);
    await send(say(MOST, '1'), say(MOST + 1, '2'), say(MOST, '3'));
    // An answer of the server itself does not wait for handlers.
    const answers = [await answerOf(next), await answerOf(next), await answerOf(next)].sort();
    expect(answers).toEqual([
      '431["fine"]',
      '432[{"roomgate:error":{"code":"too_large","message":"The data of this event is too large."}}]',
      '433["fine"]',
    ]);
    const { handled, dropped } = await seen();
    expect(handled).toHaveLength(2);
    expect(dropped).toEqual([{ type: 'event_dropped', client: sid, reason: 'too_large' }]);
  });

  it('drops larger events that nobody would answer, and keeps the connection', async () => {
    await forget();
    const { send, next } = await enter(program.url);
    await send(say(5_000), say(5_000), say(20), say(5_000));
    await send(say(30, '7'));
    expect(await next((frame) => frame.startsWith('43'))).toBe('437["fine"]');
    const { handled, dropped } = await seen();
    expect(handled).toHaveLength(2);
    expect(dropped).toHaveLength(3);
  });

  it('counts attachments', async () => {
    await forget();
    const { send, next } = await enter(program.url);
    const binary = (ack: number): string => `451-${ack}["say",{"_placeholder":true,"num":0}]`;
    await send(binary(1), Buffer.alloc(MOST), binary(2), Buffer.alloc(MOST - 100), say(20, '3'));
    const answers = [await answerOf(next), await answerOf(next), await answerOf(next)].sort();
    expect(answers.map((answer) => answer.slice(0, 18))).toEqual(['431[{"roomgate:err', '432["fine"]', '433["fine"]']);
    await eventually(async () => (await seen()).handled.length === 2);
  });
});
