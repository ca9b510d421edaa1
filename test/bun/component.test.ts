// npm test: bun
// npm run test:matrix: oldest-bun
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { request as ask } from 'node:https';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { eventually, logOf, nextEvent } from '../support/facts.js';
import { temporaryFolder } from '../support/folder.js';
import { type Program, startProgram } from '../support/process.js';
import { rawPolling, rawWebSocket } from '../support/raw.js';
import { connectAuthenticated, TRANSPORTS } from '../support/server.js';
import { runnerOf } from '../support/setting.js';

const PROGRAM = new URL('../fixtures/bun-component.mjs', import.meta.url);

/** Bun 1.2 reports no close code in this case. */
const TOO_LARGE: readonly unknown[] = [1009, 1006];

function start(application: string, options: object = {}, env: Record<string, string> = {}): Program {
  return startProgram(PROGRAM, { ...runnerOf('bun'), args: [application, JSON.stringify(options)], env });
}

async function serve(
  application: string,
  options: object = {},
  env: Record<string, string> = {},
): Promise<{ program: Program; port: number; url: string }> {
  const program = start(application, options, env);
  const { port, error } = await program.messages.next((message) => 'port' in message || 'error' in message, {
    timeout: 10_000,
  });
  expect(error).toBeUndefined();
  return { program, port, url: `http://127.0.0.1:${port}` };
}

function logOfProgram({ messages }: Program): string[] {
  return messages.all.flatMap(({ log }) => (/^(warn|error)/.test(log) ? [log] : []));
}

async function expectServed(url: string, path = '/io', ca?: string): Promise<void> {
  for (const transports of TRANSPORTS) {
    const tls = ca === undefined ? {} : { ca };
    const client = await connectAuthenticated(url, { path, transports: [...transports], ...tls });
    expect(client.socket.connected).toBe(true);
    client.socket.disconnect();
  }
}

/** A poll and its answer. It takes seconds, while the other tests run. */
let slowPoll: { readonly program: Program; readonly answer: Promise<string[]> };

beforeAll(async () => {
  // A ping is the first packet of the poll.
  const serverOptions = { pingInterval: 7_000 };
  const { url, program } = await serve('an idleTimeout of 1 s', { authenticateTimeout: 20_000, serverOptions });
  const polling = await rawPolling(url, { path: '/io/', answerPings: false });
  const answer = polling.poll(15_000);
  // A later test awaits it.
  answer.catch(() => undefined);
  slowPoll = { program, answer };
});

describe.each([
  'alone',
  'a fetch handler',
  'an application with options for Bun.serve',
  'Hono',
  'a running server',
  'a catch-all route',
  'its own WebSockets',
  'another component',
])('next to %s', (application) => {
  // Shared by both tests; the second one stops it.
  let program: Program;
  let url: string;
  beforeAll(async () => {
    ({ program, url } = await serve(application));
  });

  it('serves clients at /io, and passes other requests to the application', async () => {
    await expectServed(url);
    const hello = await fetch(`${url}/hello`);
    expect([hello.status, await hello.text()]).toEqual(
      application === 'alone' ? [404, 'Nothing is served at this path.\n'] : [200, 'hello'],
    );
    expect(logOfProgram(program)).toEqual([]);
    expect(program.stderr).toBe('');
  });

  it('stop() ends the server, and then the process exits', async () => {
    const client = await connectAuthenticated(url, { path: '/io' });
    program.send('stop');
    expect(await program.messages.next((message) => message === 'stopped')).toBe('stopped');
    expect(await client.heardOf('disconnect')).not.toBe('io server disconnect');
    await expect(fetch(`${url}/hello`)).rejects.toThrow('fetch failed');
    program.endInput();
    if (application === 'another component') program.kill('SIGTERM');
    else expect(await program.ended()).toEqual({ code: 0, signal: null });
    expect(program.stderr).toBe('');
  });
});

it('two components serve one path each', async () => {
  const { url } = await serve('another component');
  await expectServed(url, '/other');
  await expectServed(url, '/io');
});

it('logs where serve() listens', async () => {
  const { program, port } = await serve('alone');
  const { log } = await program.messages.next((message) => /ready at/.test(message.log));
  expect(log).toMatch(new RegExp(`^info: .*: ready at /io on 127\\.0\\.0\\.1:${port}$`));
});

it('next to the application’s own WebSockets each receives its own messages', async () => {
  const { url, program } = await serve('its own WebSockets');
  const client = await connectAuthenticated(url, { path: '/io', transports: ['websocket'] });
  const own = new WebSocket(`${url.replace('http', 'ws')}/anything`);
  const heard = logOf<Buffer>(own, 'message');
  expect(String(await heard.next())).toBe('{"mine":true}');
  own.send('hello');
  expect(String(await heard.next())).toBe('echo hello');
  own.close();
  expect(await program.messages.next((message) => message.closed !== undefined)).toEqual({ closed: { mine: true } });
  expect(client.socket.connected).toBe(true);
  client.socket.disconnect();
  await eventually(() => program.messages.all.some(({ log }) => /^info: .* disconnected: /.test(log)));
  expect(program.messages.all.filter((message) => message.closed !== undefined)).toHaveLength(1);
});

it('next to the application’s own WebSockets each has its own limit in bytes, and requests have theirs', async () => {
  const { url } = await serve('its own WebSockets');
  for (const [size, isTaken] of [
    [1_000, true],
    [1_001, false],
  ] as const) {
    const own = new WebSocket(`${url.replace('http', 'ws')}/anything`);
    const heard = logOf<Buffer>(own, 'message');
    const closed = nextEvent(own, 'close');
    await heard.next();
    own.send('x'.repeat(size));
    if (isTaken) expect(String(await heard.next())).toHaveLength(size + 'echo '.length);
    else expect(TOO_LARGE).toContain((await closed)[0]);
    own.terminate();
  }
  const ours = await rawWebSocket(url, { path: '/io/' });
  await ours.connect('/', { token: 'good' });
  // 400 000 characters are 1 200 000 bytes.
  ours.send(`42["x","${'€'.repeat(400_000)}"]`);
  expect(TOO_LARGE).toContain((await ours.closed).code);
  const polling = await rawPolling(url, { path: '/io/' });
  const chunked = new ReadableStream({
    start(controller) {
      for (let n = 0; n < 11; n++) controller.enqueue(new TextEncoder().encode('4'.repeat(100_000)));
      controller.close();
    },
  });
  const target = `${url}/io/?EIO=4&transport=polling&sid=${polling.sid}`;
  const answer = await fetch(target, { method: 'POST', body: chunked, duplex: 'half' } as RequestInit);
  expect(answer.status).toBe(413);
});

it('serves over https, and the handshake is secure', async () => {
  const folder = await temporaryFolder('tls');
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const made = ['-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert];
  execFileSync('openssl', ['req', '-x509', ...made, ...subject], { stdio: 'ignore' });
  const tls = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  const { port } = await serve('https', {}, { TLS: JSON.stringify(tls) });
  await expectServed(`https://127.0.0.1:${port}`, '/io', tls.cert);
  const status = await new Promise((resolve, reject) => {
    const asked = ask(`https://127.0.0.1:${port}/hello`, { ca: tls.cert }, (answer) => resolve(answer.statusCode));
    asked.on('error', reject).end();
  });
  expect(status).toBe(200);
});

it.each(['a given server', 'alone', 'a port in use'])(
  'stops a server that never had a request: %s',
  async (application) => {
    const { program, url } = await serve(application);
    program.send('stop');
    expect(await program.messages.next((message) => message === 'stopped')).toBe('stopped');
    await expect(fetch(url)).rejects.toThrow('fetch failed');
    program.endInput();
    expect(await program.ended()).toEqual({ code: 0, signal: null });
    expect(program.stderr).toBe('');
  },
);

it('handles signals if asked to, and lets the process exit', async () => {
  const { program, url } = await serve('a fetch handler', { signals: true });
  const client = await connectAuthenticated(url, { path: '/io' });
  program.endInput();
  program.kill('SIGTERM');
  expect(await program.ended()).toEqual({ code: 0, signal: null });
  expect(await client.heardOf('disconnect')).not.toBe('io server disconnect');
});

it('refuses pages of other origins over both transports, and accepts the listed ones', async () => {
  const NAMED = 'https://app.example';
  const { url, program } = await serve('a fetch handler', { cors: { origin: NAMED, credentials: true } });
  const answers = (origin: string) =>
    Promise.all(
      [rawPolling, rawWebSocket].map((open) =>
        open(url, { path: '/io/', headers: { origin } }).then(
          () => 'in',
          (error: Error) => /\b[45]\d\d\b/.exec(error.message)?.[0],
        ),
      ),
    );
  expect(await answers(NAMED)).toEqual(['in', 'in']);
  expect(await answers(url)).toEqual(['in', 'in']);
  expect(await answers('https://evil.example')).toEqual(['403', '403']);
  const preflight = await fetch(`${url}/io/`, { method: 'OPTIONS', headers: { origin: NAMED } });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get('access-control-allow-origin')).toBe(NAMED);
  expect(preflight.headers.get('access-control-allow-credentials')).toBe('true');
  const refusals = [1, 2].map(() => expect.stringContaining('evil.example'));
  await eventually(() => expect(logOfProgram(program)).toEqual(refusals));
});

it.each([
  ['a server of node:http', 'invalid_option: .*expected the result of Bun.serve\\(\\).*received an object'],
  ['an app', 'invalid_option: .*component.serve\\(\\{ fetch: app.fetch \\}\\)'],
  ['nothing yet', 'not_configured: .*call and await start\\(\\) first'],
  ['no engine', 'unsupported: .*bun add @socket.io/bun-engine'],
])('refuses %s with a helpful message', async (application, words) => {
  const program = start(application);
  const { error } = await program.messages.next((message) => message.error !== undefined, { timeout: 10_000 });
  expect(error).toMatch(new RegExp(words));
  program.endInput();
  expect(await program.ended()).toEqual({ code: 0, signal: null });
});

it('a poll may wait for longer than Bun’s idle timeout', async () => {
  expect(await slowPoll.answer).toEqual(['2']);
  expect(slowPoll.program.stderr).toBe('');
});
