// npm test: bun
// npm run test:matrix: oldest-bun
import { expect, it } from 'vitest';
import { within } from '../support/facts.js';
import { type Program, startProgram } from '../support/process.js';
import { rawPolling, rawWebSocket } from '../support/raw.js';
import { runnerOf } from '../support/setting.js';

const PROGRAM = new URL('../fixtures/bun-own-engine.mjs', import.meta.url);

async function start(
  serverOptions: object = {},
  ...more: string[]
): Promise<{ program: Program; url: string; log: () => string[] }> {
  const program = startProgram(PROGRAM, { ...runnerOf('bun'), args: [JSON.stringify(serverOptions), ...more] });
  const { port } = await program.messages.next((message) => message.port !== undefined, { timeout: 10_000 });
  const log = (): string[] => program.messages.all.flatMap(({ log: line }) => line ?? []);
  return { program, url: `http://127.0.0.1:${port}`, log };
}

it('options of the engine apply if serverOptions leaves them out', async () => {
  const { program, url, log } = await start();
  const polling = await rawPolling(url, { path: '/own/' });
  expect(polling.handshake).toMatchObject({ pingInterval: 12_000, pingTimeout: 20_000 });
  const answer = await fetch(`${url}/own/?EIO=4&transport=polling`);
  expect(answer.headers.get('x-edited')).toBe('yes');
  // The engine itself treats a function as true.
  const other = await fetch(`${url}/own/?EIO=4&transport=polling`, { headers: { origin: 'https://a.example' } });
  expect([other.status, other.headers.get('access-control-allow-origin')]).toEqual([403, null]);
  const refused = await fetch(`${url}/own/?EIO=4&transport=polling`, { headers: { 'x-refused': '1' } });
  expect([refused.status, await refused.json()]).toEqual([403, { code: 4, message: 'not today' }]);
  const asking = fetch(`${url}/own/?EIO=4&transport=polling`, { headers: { 'x-waits': '1' } });
  expect(await program.messages.next((message) => 'asked' in message)).toEqual({ asked: null });
  program.send('decide');
  expect((await within(asking, 'an answer to one request')).status).toBe(200);
  expect(log()).toEqual([expect.stringContaining('add its origin to serverOptions.cors.origin')]);
});

it('serverOptions wins over the engine’s options, and each conflict is reported once', async () => {
  const cors = { origin: 'https://a.example' };
  const { url, log } = await start({ path: '/theirs', pingInterval: 13_000, pingTimeout: 14_000, cors });
  const polling = await rawPolling(url, { path: '/theirs/' });
  expect(polling.handshake).toMatchObject({ pingInterval: 13_000, pingTimeout: 14_000 });
  expect((await fetch(`${url}/own/?EIO=4&transport=polling`)).status).toBe(404);
  const preflight = await fetch(`${url}/theirs/`, { method: 'OPTIONS', headers: { origin: 'https://b.example' } });
  expect(preflight.headers.get('access-control-allow-origin')).toBe('https://a.example');
  expect(log().map((line) => /"([^"]+)" has no effect/.exec(line)?.[1])).toEqual([
    'engine.pingInterval',
    'engine.path',
    'engine.cors',
  ]);
});

it('a session that ends during allowRequest of its upgrade leaves no WebSocket behind', async () => {
  const { program, url } = await start();
  const polling = await rawPolling(url, { path: '/own/' });
  const { sid } = polling;
  const upgrading = rawWebSocket(url, { path: '/own/', query: { sid }, headers: { 'x-waits': '1' } });
  await program.messages.next((message) => message.asked === sid);
  await polling.post('1');
  program.send('decide');
  await expect(upgrading).rejects.toThrow('400');
  expect(await program.messages.next((message) => message.clients !== undefined)).toEqual({
    clients: 0,
    webSockets: 0,
  });
  expect(program.messages.all.filter(({ log }) => log !== undefined)).toEqual([]);
});

it('a session that ends during its upgrade still sends its last message', async () => {
  const { program, url } = await start();
  const polling = await rawPolling(url, { path: '/own/' });
  const socket = await rawWebSocket(url, { path: '/own/', query: { sid: polling.sid } });
  let isClosed = false;
  void socket.closed.then(() => {
    isClosed = true;
  });
  socket.send('2probe');
  await socket.frames.next((frame) => frame === '3probe', { what: 'the answer to the probe' });
  await polling.post('1');
  for (let round = 0; round < 3; round++) expect((await fetch(`${url}/own/`)).status).toBe(400);
  // After the answer, a client neither polls nor listens to its WebSocket until it has sent this packet.
  expect(isClosed).toBe(false);
  socket.send('5');
  await within(socket.closed, 'its end');
  program.send('count');
  // Bun 1.2 keeps counting a WebSocket that the server has closed.
  expect(await program.messages.next((message) => message.clients !== undefined)).toMatchObject({ clients: 0 });
});

it('works with a ping interval longer than Bun’s idle timeout', async () => {
  const { url } = await start({ path: '/far', pingInterval: 200_000 });
  expect((await rawPolling(url, { path: '/far/' })).handshake).toMatchObject({ pingInterval: 200_000 });
});

it('configure() closes earlier connections, because no gate guarded them', async () => {
  const { program, url } = await start({}, 'early');
  const [polling, socket] = [await rawPolling(url, { path: '/own/' }), await rawWebSocket(url, { path: '/own/' })];
  program.send('configure');
  await program.messages.next((message) => message.configured === true);
  await socket.closed;
  await expect(polling.poll()).rejects.toThrow('Session ID unknown');
  await (await rawWebSocket(url, { path: '/own/' })).connect('/');
});

it.each(['€'.repeat(400_000), 'x'.repeat(1_000_001)])(
  'a message above the limit closes its connection with hand-written handlers',
  async (text) => {
    const { url } = await start({}, 'by hand');
    const socket = await rawWebSocket(url, { path: '/own/' });
    await socket.connect('/');
    socket.send(`42["x","${text}"]`);
    // Bun 1.2 reports no close code in this case.
    expect([1009, 1006]).toContain((await socket.closed).code);
  },
);
