// npm test: node
import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Balancer, configIn, type RunningBalancer, replaced, startBalancer } from '../support/balancer.js';
import { defer } from '../support/cleanup.js';
import { CLIENT_TRANSPORTS } from '../support/client.js';
import { codeBlocksOf, type PastedProject, pasteProject } from '../support/document.js';
import { EventLog, eventually, unusedPort } from '../support/facts.js';
import { temporaryFolder } from '../support/folder.js';
import type { Program } from '../support/process.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { comeIn, connectTo, type Person, SLOW } from './balancer-clients.js';

const run = promisify(execFile);

interface BalancerInPapers {
  readonly program: Balancer;
  readonly paper: string;
  /** The line that makes sessions sticky. */
  readonly sticky: RegExp;
  /** The recipe's replacement of that line, which routes by the client's address. */
  readonly byAddress: (config: string) => string;
  readonly listen: string;
}

const BALANCERS: readonly [BalancerInPapers, BalancerInPapers] = [
  {
    program: 'nginx',
    paper: 'docs/recipes/behind-nginx.md',
    sticky: /^ *hash .*\n/m,
    byAddress: (config) => replaced(config, { 'hash $route consistent;': 'hash $remote_addr consistent;' }),
    listen: 'listen 8080;',
  },
  {
    program: 'haproxy',
    paper: 'docs/recipes/behind-haproxy.md',
    sticky: /^ *cookie .*\n/m,
    byAddress: (config) => replaced(config, { 'balance leastconn': 'balance source' }).replace(/^ *cookie .*\n/m, ''),
    listen: 'bind :8080',
  },
];

/** The instances behind both balancers: both recipes have the same program. */
let project: PastedProject;
let redis: RedisServer;
let ports: number[];
let instances: Program[];

/** A balancer with the configuration of its recipe, shared by all tests. */
interface Shared {
  readonly program: Balancer;
  readonly config: string;
  readonly url: string;
}

const shared: Shared[] = [];

async function startInstance(port: number, replace: Record<string, number> = {}): Promise<Program> {
  const env = { PORT: `${port}`, REDIS_PORT: `${redis.port}` };
  const instance = await project.start('instance.ts', { env, replace });
  await eventually(async () => (await fetch(`http://127.0.0.1:${port}/healthz`)).status === 200, SLOW);
  return instance;
}

async function startWith(
  program: Balancer,
  text: string,
  upstreams: readonly number[],
  replacements: Record<string, string | number> = {},
): Promise<RunningBalancer> {
  const [first = 0, second = first, third = first] = upstreams;
  const port = await unusedPort();
  const places = { ':3001': `:${first}`, ':3002': `:${second}`, ':3003': `:${third}`, '8080': port };
  return startBalancer({ program, config: replaced(text, { ...places, ...replacements }), port });
}

beforeAll(async () => {
  [project, redis] = await Promise.all([pasteProject(BALANCERS[0].paper), startRedis()]);
  ports = [await unusedPort(), await unusedPort(), await unusedPort()];
  instances = await Promise.all(ports.map((port) => startInstance(port)));
  for (const { program, paper } of BALANCERS) {
    const config = await configIn(paper, program);
    const { port } = await startWith(program, config, ports);
    shared.push({ program, config, url: `http://127.0.0.1:${port}` });
  }
});

describe.each(BALANCERS)('three instances behind $program', ({ program, paper, sticky, byAddress, listen }) => {
  let pasted: PastedProject;
  let config: string;
  let url: string;

  beforeAll(async () => {
    pasted = await pasteProject(paper);
    const { config: own = '', url: at = '' } = shared.find((one) => one.program === program) ?? {};
    [config, url] = [own, at];
  });

  it('has programs that compile, and the same instance program as the other page', async () => {
    expect(pasted.compiled).toBe('');
    const [own, running] = [pasted, project].map(({ folder }) => readFile(join(folder, 'instance.ts'), 'utf8'));
    expect(await own).toBe(await running);
  });

  it('the recipe’s client is authenticated and receives its own message', async () => {
    const client = await pasted.start('client.ts', { env: { SERVER: url } });
    const where = await client.messages.next((line) => typeof line === 'object', SLOW);
    expect(ports.map((port) => `news-${port}`)).toContain(where.instance);
    expect(await client.messages.next((line) => /^news-\d+: /.test(line), SLOW)).toBe(`${where.instance}: Hello`);
  });

  it.each(CLIENT_TRANSPORTS.map((transports) => ({ transports })))('serves $transports', async ({ transports }) => {
    const { client, errors, ends } = await comeIn(connectTo(url, { transports }));
    const last = transports.at(-1);
    await eventually(() => client.getSocketClient().io.engine.transport.name === last, { what: `transport ${last}` });
    expect(errors.all).toEqual([]);
    expect(ends.all).toEqual([]);
  });

  it('delivers a message to clients on all three', async () => {
    const people: Person[] = [];
    const seen = new Set<string>();
    while (seen.size < ports.length && people.length < 60) {
      const transports = CLIENT_TRANSPORTS[people.length % CLIENT_TRANSPORTS.length] ?? [];
      const person = await comeIn(connectTo(url, { transports }));
      people.push(person);
      seen.add((await person.where.next()).instance);
    }
    expect(seen.size).toBe(3);
    people[0]?.client.emit({ topic: 'say', data: 'to all' });
    const heard = await Promise.all(people.map(({ said }) => said.next((text) => text.endsWith(': to all'))));
    expect(new Set(heard).size).toBe(1);
  });

  it('passes its address, and the client’s address in a header that the client cannot forge', async () => {
    const extraHeaders = { 'X-Forwarded-For': '203.0.113.7' };
    const { where } = connectTo(url, { extraHeaders });
    expect(await where.next()).toMatchObject({ address: '127.0.0.1', forwardedFor: '127.0.0.1' });
  });

  it('accepts large polling messages up to Socket.IO’s limit', async () => {
    const { client, said } = await comeIn(connectTo(url, { transports: ['polling'] }));
    client.emit({ topic: 'say', data: 'x'.repeat(990_000) });
    expect(await said.next()).toHaveLength(990_000 + `news-${ports[0]}: `.length);
  });

  it('without sticky sessions refuses polling clients, and accepts WebSocket', async () => {
    const loose = await startWith(program, config.replace(sticky, ''), ports);
    const looseUrl = `http://127.0.0.1:${loose.port}`;
    const opened = await (await fetch(`${looseUrl}/io/?EIO=4&transport=polling`)).text();
    const { sid } = JSON.parse(opened.slice(1));
    const second = await fetch(`${looseUrl}/io/?EIO=4&transport=polling&sid=${sid}`);
    expect(second.status).toBe(400);
    expect(await second.text()).toBe('{"code":1,"message":"Session ID unknown"}');
    const poller = connectTo(looseUrl, { transports: ['polling'] });
    const { errors } = await comeIn(connectTo(looseUrl, { transports: ['websocket'] }));
    expect(errors.all).toEqual([]);
    expect(poller.in).toBe(false);
  });

  it('routes by address where the recipe has a client without cookies', async () => {
    const { port } = await startWith(program, byAddress(config), ports);
    const options = { transports: ['polling'], withCredentials: false };
    const { errors } = await comeIn(connectTo(`http://127.0.0.1:${port}`, options));
    expect(errors.all).toEqual([]);
  });

  if (program === 'nginx') {
    it('disconnects clients that send more by polling than nginx accepts', async () => {
      const { port } = await startWith(program, config, ports, { '1m': '100k' });
      const { client, ends } = await comeIn(connectTo(`http://127.0.0.1:${port}`, { transports: ['polling'] }));
      client.emit({ topic: 'say', data: 'x'.repeat(200_000) });
      expect(await ends.next()).toBe('transport error');
    });

    it('gets its clients back after a reload', async () => {
      const soon = { 'worker_shutdown_timeout 60s': 'worker_shutdown_timeout 100ms' };
      const reloaded = await startWith(program, config, ports, soon);
      const person = await comeIn(connectTo(`http://127.0.0.1:${reloaded.port}`, { transports: ['websocket'] }));
      reloaded.reload();
      expect(await person.ends.next(undefined, SLOW)).toBe('transport close');
      await comeIn(person);
    });
  }

  it('works over TLS with the lines of the recipe', async () => {
    const folder = await temporaryFolder('balancer-tls');
    defer(() => rm(folder, { recursive: true, force: true }));
    const [key, cert, both] = ['key.pem', 'cert.pem', 'both.pem'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    const subject = ['-subj', '/CN=localhost', '-days', '2'];
    await run('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, ...subject]);
    await writeFile(both, (await readFile(cert, 'utf8')) + (await readFile(key, 'utf8')));
    const lines = (await codeBlocksOf(paper)).find(({ language, name }) => language === program && name === undefined);
    const files = { fullchain: cert, privkey: key, site: both };
    const tls = (lines?.code ?? '')
      .replace(/\/etc\/\S+\/(fullchain|privkey|site)\.pem/g, (_, name: keyof typeof files) => files[name])
      .replace('443', '8080');
    const secure = await startWith(program, config.replace(listen, tls), ports);
    for (const transports of CLIENT_TRANSPORTS) {
      const { errors } = await comeIn(connectTo(`https://127.0.0.1:${secure.port}`, { transports }));
      expect(errors.all).toEqual([]);
    }
  });
});

describe('three instances behind both balancers', () => {
  it('keep quiet clients connected only with timeouts above the heartbeat', async () => {
    const quick = await unusedPort();
    await startInstance(quick, { '25_000': 200 });
    const people = [];
    for (const { program, config } of shared) {
      // Far above the heartbeat, so that a stall of the machine does not disconnect a client.
      const calm = await startWith(program, config, [quick], { '60s': '4s' });
      const rash = await startWith(program, config, ports, { '60s': '1s' });
      for (const transport of ['polling', 'websocket']) {
        const transports = [transport];
        const patient = connectTo(`http://127.0.0.1:${calm.port}`, { transports });
        const beats = new EventLog<void>();
        patient.client.getSocketClient().io.on('ping', () => beats.push());
        people.push({ patient, beats, cut: connectTo(`http://127.0.0.1:${rash.port}`, { transports }) });
      }
    }
    for (const { patient, beats, cut } of people) {
      expect(await cut.ends.next(undefined, SLOW)).toMatch(/^transport (close|error)$/);
      // 1.5 times the timeout.
      await eventually(() => beats.all.length >= 30, { what: '30 heartbeats', ...SLOW });
      await comeIn(patient);
      expect(patient.ends.all).toEqual([]);
    }
  });

  /**
   * True if an instance itself answers an empty request with 400; a balancer without an instance answers 502 or 503.
   */
  async function findsInstances(url: string): Promise<boolean> {
    const answers = await Promise.all(Array.from({ length: 12 }, () => fetch(`${url}/io/`)));
    return answers.every(({ status }) => status === 400);
  }

  it('lose no client in a rolling restart', async () => {
    const people = shared.flatMap(({ url }) =>
      Array.from({ length: 20 }, (_, index) =>
        connectTo(url, { transports: CLIENT_TRANSPORTS[index % CLIENT_TRANSPORTS.length] ?? [] }),
      ),
    );
    await Promise.all(people.map(comeIn));
    for (const [index, port] of ports.entries()) {
      const hit = people.filter(({ where }) => where.all.at(-1)?.instance === `news-${port}`);
      instances[index]?.kill('SIGTERM');
      expect(await instances[index]?.ended(10_000)).toEqual({ code: 0, signal: null });
      for (const { program, url } of shared) {
        const what = `12 answers of the other two behind ${program}`;
        await eventually(() => findsInstances(url), { what, ...SLOW });
      }
      await Promise.all(hit.map(({ ends }) => ends.next(undefined, SLOW)));
      await eventually(() => people.every((person) => person.in), { what: '40 clients on the other two', ...SLOW });
      instances[index] = await startInstance(port);
    }
    // One client of each balancer. Repeated, because nginx may still route polling clients to their previous instance.
    const speakers = [people[0], people[20]];
    await eventually(
      () => {
        const words = speakers.map((speaker, index) => {
          if (speaker?.in === true) speaker.client.emit({ topic: 'say', data: `back ${index}` });
          return `: back ${index}`;
        });
        const hears = ({ said }: Person, word: string) => said.all.some((text) => text.endsWith(word));
        return people.every((person) => person.in && words.every((word) => hears(person, word)));
      },
      { what: '40 clients that are in their room and hear', ...SLOW },
    );
    expect(people.every(({ ends }) => ends.all.length > 0)).toBe(true);
    expect(instances.map(({ stderr }) => stderr)).toEqual(['', '', '']);
  }, 90_000);
});
