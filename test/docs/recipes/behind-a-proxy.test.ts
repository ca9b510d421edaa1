// npm test: node
import { beforeAll, describe, expect, it } from 'vitest';
import { type Balancer, configIn, replaced, startBalancer } from '../../support/balancer.js';
import { type PastedProject, pasteProject } from '../../support/document.js';
import { eventually, unusedPort, within } from '../../support/facts.js';
import type { Program } from '../../support/process.js';
import { type RawOptions, rawWebSocket, type WebSocketPeer } from '../../support/raw.js';

const PAPER = 'docs/recipes/behind-a-proxy.md';
const SLOW = { timeout: 20_000 };

let project: PastedProject;
let server: Program;
let upstream: number;

beforeAll(async () => {
  project = await pasteProject(PAPER);
  upstream = await unusedPort();
  server = await project.start('server.ts', { env: { PORT: `${upstream}` } });
  await eventually(async () => (await fetch(`http://127.0.0.1:${upstream}/io/`)).status === 400, SLOW);
});

it('its program compiles', () => {
  expect(project.compiled).toBe('');
});

async function start(program: Balancer, replacements: Record<string, string> = {}): Promise<string> {
  const port = await unusedPort();
  const config = replaced(await configIn(PAPER, program), {
    ':3001': `:${upstream}`,
    '8080': `${port}`,
    ...replacements,
  });
  await startBalancer({ program, config, port });
  return `http://127.0.0.1:${port}`;
}

const open = (url: string, options: RawOptions = {}): Promise<WebSocketPeer> =>
  rawWebSocket(url, { path: '/io/', ...options });

/** The code of the answer, or `authenticated`. */
async function attempt(url: string, localAddress: string, password: string, forwarded = '8.8.4.4'): Promise<string> {
  const peer = await open(url, { localAddress, headers: { 'X-Forwarded-For': forwarded } });
  await peer.connect('/', { name: 'ann', password });
  peer.emit('authenticate');
  const frame = await peer.frames.next((text) => /^42\["(un)?authenticated"/.test(String(text)), SLOW);
  const [topic, { code }] = JSON.parse(String(frame).slice(2)) as [string, { code?: string }];
  peer.terminate();
  return code ?? topic;
}

describe.each<{ program: Balancer; others: string[] }>([
  { program: 'nginx', others: ['127.0.1.1', '127.0.1.2', '127.0.1.3'] },
  { program: 'haproxy', others: ['127.0.2.1', '127.0.2.2', '127.0.2.3'] },
])('behind $program', ({ program, others: [attacker = '', owner = '', other = ''] }) => {
  let url: string;
  beforeAll(async () => {
    url = await start(program);
  });

  it('the server knows the address that the proxy saw, whatever the client sends', async () => {
    for (const forwarded of ['8.8.4.4', '', ',', '8.8.4.4, 8.8.8.8,', 'unknown', 'x'.repeat(2_000)]) {
      expect(await attempt(url, other, 'a good password', forwarded)).toBe('authenticated');
      // Without a match within the time limit it rejects.
      await server.messages.next((line) => line === `ann from ${other}`);
    }
  });

  it('guesses from one address end, and the owner of the name gets in from another', async () => {
    for (let n = 0; n < 10; n++) expect(await attempt(url, attacker, 'wrong', `8.8.4.${n}`)).toBe('refused');
    expect(await attempt(url, attacker, 'wrong', '8.8.4.10')).toBe('rate_limited');
    expect(await attempt(url, owner, 'a good password')).toBe('authenticated');
  });

  it('the proxy refuses more connections of one address than its limit, and takes those of others', async () => {
    const few = program === 'nginx' ? { 'limit_conn open 500': 'limit_conn open 3' } : { 'gt 500': 'gt 3' };
    const limited = await start(program, few);
    const all = [];
    for (let n = 0; n < 3; n++) all.push(await open(limited, { localAddress: attacker }));
    await expect(open(limited, { localAddress: attacker })).rejects.toThrow(
      program === 'nginx' ? '429' : /ECONNRESET|socket hang up/,
    );
    const neighbor = await open(limited, { localAddress: owner });
    all[0]?.terminate();
    await eventually(async () => {
      all.push(await open(limited, { localAddress: attacker }));
      return true;
    }, SLOW);
    await within(neighbor.ping(), 'an answer to another address');
  });

  it('the proxy refuses too many new connections, and passes requests of open ones', async () => {
    const few = program === 'nginx' ? { 'rate=20r/s': 'rate=1r/m', 'burst=200': 'burst=5' } : { 'gt 400': 'gt 6' };
    const limited = await start(program, few);
    const status = async (query: string): Promise<number> =>
      (await fetch(`${limited}/io/?EIO=4&transport=polling${query}`)).status;
    const opening = [];
    for (let n = 0; n < 8; n++) opening.push(await status(''));
    expect(opening.slice(0, 6)).toEqual(Array.from({ length: 6 }, () => 200));
    expect(opening.slice(6)).toEqual([429, 429]);
    // The server itself refuses an unknown session.
    for (let n = 0; n < 8; n++) expect(await status('&sid=unknown')).toBe(400);
  });
});
