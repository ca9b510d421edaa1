import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { eventually } from '../../support/facts.js';
import { temporaryFolder } from '../../support/folder.js';
import { startProgram } from '../../support/process.js';
import { startRedis } from '../../support/redis.js';
import { runnerOf, SETTING } from '../../support/setting.js';
import { type Inside, Served, serve } from '../program.js';
import { createMix } from './inside.js';
import { payloadOf } from './payloads.js';
import type { Theatre } from './play.js';

const PLAIN = new URL('../../fixtures/mix-plain.mjs', import.meta.url);

/** The server, its transport security, and the number of instances. */
export interface Stage {
  readonly what: 'Roomgate' | 'plain Socket.IO';
  readonly tls: boolean;
  readonly instances: 1 | 2;
}

/** The globals of the mix in the program, where nothing else of the tests exists. */
type MixGlobals = {
  mixVerdict(auth: Record<string, unknown>): boolean | Promise<boolean>;
  mixWelcome(socket: unknown): void;
};

export async function open({ what, tls, instances }: Stage): Promise<Theatre> {
  const redisPort = SETTING.redis || instances > 1 ? (await startRedis()).port : undefined;
  const config = { ...(tls && { tls: await certificate() }), redisPort };
  const servers = await Promise.all(
    Array.from({ length: instances }, (_, at) =>
      what === 'Roomgate' ? startGuarded(config, `mix-${at}`) : startPlain(config),
    ),
  );
  const put = (inside: Pick<Inside, 'helper' | 'io' | 'memory'>, make: string, payload: string): void => {
    const of = (source: string) => new Function(`return (${source})`)();
    inside.memory.mix = of(make)(inside, of(payload));
  };
  await Promise.all(servers.map((server) => server.run(put, String(createMix), String(payloadOf))));
  // An instance that has not subscribed yet would miss the first messages of the others.
  const counts = ({ io }: Pick<Inside, 'io'>) =>
    Promise.all(['/', '/other'].map((name) => io.of(name).adapter.serverCount()));
  await Promise.all(
    servers.map((server) =>
      eventually(async () => expect(await server.run(counts)).toEqual([instances, instances]), { timeout: 15_000 }),
    ),
  );
  return { servers, gated: what === 'Roomgate', barriers: 0, runs: 0 };
}

interface Config {
  readonly tls?: { readonly key: string; readonly cert: string };
  readonly redisPort?: number | undefined;
}

function startGuarded({ tls, redisPort }: Config, identifier: string): Promise<Served> {
  return serve({
    identifier,
    ...(tls && { serving: { tls } }),
    ...(redisPort !== undefined && { redisPort }),
    options: () => ({
      // Bun's engine ignores options that it lacks, with a log line.
      serverOptions: { perMessageDeflate: { threshold: 0 } },
      authenticateTimeout: 60_000,
      // A paused client can exceed the default limit; plain Socket.IO has none.
      limits: { queuedBytes: 100_000_000 },
      authenticateFn: ({ auth }) => (globalThis as unknown as MixGlobals).mixVerdict(auth),
      clientConnectedFn: ({ socket }) => (globalThis as unknown as MixGlobals).mixWelcome(socket),
    }),
  });
}

/** Plain Socket.IO, without Roomgate. */
export async function startPlain(config: Config, runtime?: 'node' | 'bun'): Promise<Served> {
  const program = startProgram(PLAIN, {
    args: [JSON.stringify({ ...config, serverOptions: { perMessageDeflate: { threshold: 0 } } })],
    ...runnerOf(runtime),
  });
  const { url } = await program.messages.next((message) => message?.url !== undefined, { timeout: 15_000 });
  return new Served(program, url as string);
}

async function certificate(): Promise<{ key: string; cert: string }> {
  const folder = await temporaryFolder('mix');
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync('openssl', [...request, '-keyout', key, '-out', cert, '-subj', '/CN=localhost'], { stdio: 'ignore' });
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
}
