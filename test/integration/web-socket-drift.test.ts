// npm test: node, bun
// npm run test:matrix: newest-node, oldest-bun
import { expect, it } from 'vitest';
import WebSocket from 'ws';
import { nextEvent } from '../support/facts.js';
import { type Program, startProgram } from '../support/process.js';
import { rawPolling, rawWebSocket, type WebSocketPeer } from '../support/raw.js';
import { runnerOf, SETTING } from '../support/setting.js';

const PROGRAM = new URL('../fixtures/moved-socket.mjs', import.meta.url);

const WAYS: Readonly<Record<string, (url: string) => Promise<WebSocketPeer>>> = {
  'opened as a WebSocket': async (url) => {
    const socket = await rawWebSocket(url);
    await socket.connect('/');
    return socket;
  },
  'upgraded from polling': async (url) => {
    const polling = await rawPolling(url);
    await polling.connect('/');
    const socket = await rawWebSocket(url, { query: { sid: polling.sid } });
    socket.send('2probe');
    await socket.frames.next((frame) => frame === '3probe');
    socket.send('5');
    return socket;
  },
};

it.each(Object.keys(WAYS))('limits of a connection %s if the engine keeps its WebSocket elsewhere', async (way) => {
  const program = startProgram(PROGRAM, runnerOf());
  expect(await program.messages.next(isReport('fanout_fallback'), { timeout: 10_000 })).toEqual({
    type: 'fanout_fallback',
    missing: 'socket of a transport',
  });
  await expectLimits(program, await open(program, way));
});

const MOVED_ON_BUN = ['opts of a transport', 'transport of a WebSocket'].flatMap((moved) =>
  Object.keys(WAYS).map((way) => [moved, way] as const),
);

it.runIf(SETTING.runtime === 'bun').each(MOVED_ON_BUN)(
  'next to WebSockets of the program, if the engine moved the %s: limits of a connection %s, and its owner',
  async (moved, way) => {
    const program = startProgram(PROGRAM, { ...runnerOf(), args: [moved] });
    const socket = await open(program, way);
    const own = new WebSocket(`${(await urlOf(program)).replace('http', 'ws')}/anything`);
    await nextEvent(own, 'open');
    expect(await program.messages.next(isReport('own'))).toEqual({ type: 'own', opened: { mine: true } });
    own.send('to the program');
    expect(await program.messages.next(isReport('own'))).toEqual({ type: 'own', message: 'to the program' });
    await expectLimits(program, socket);
    own.close();
    expect(await program.messages.next(isReport('own'))).toEqual({ type: 'own', closed: { mine: true } });
  },
);

async function open(program: Program, way: string): Promise<WebSocketPeer> {
  const socket = await WAYS[way]?.(await urlOf(program));
  if (socket === undefined) throw new Error(`unknown: ${way}`);
  return socket;
}

async function expectLimits(program: Program, socket: WebSocketPeer): Promise<void> {
  // Before authentication the limits apply.
  socket.emit('echo', ['x'.repeat(100_000)], 1);
  socket.emit('authenticate');
  await socket.event('authenticated');
  expect(await program.messages.next(isReport('event_dropped'))).toBeDefined();
  // After authentication, they are lifted.
  socket.emit('echo', ['x'.repeat(100_000)], 2);
  expect(await socket.frames.next((frame) => String(frame).startsWith('43'))).toBe('432[100000]');
  // A client that stops reading is disconnected a few messages of 1 MB after it exceeded its budget of 1 MB.
  socket.emit('flood');
  socket.pauseReading();
  const tooSlow = await program.messages.next(isReport('client_too_slow'), { timeout: 10_000 });
  expect((tooSlow as { queuedBytes: number }).queuedBytes).toBeLessThan(12_000_000);
}

async function urlOf({ messages }: Program): Promise<string> {
  const hasUrl = (it: unknown) => (it as { url?: string }).url !== undefined;
  return messages.all.find(hasUrl)?.url ?? (await messages.next(hasUrl, { timeout: 10_000 })).url;
}

const isReport = (wanted: string) => (it: unknown) => (it as { type?: string }).type === wanted;
