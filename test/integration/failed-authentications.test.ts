// npm test: node
// npm run test:matrix: newest-node
import { beforeAll, describe, expect, it } from 'vitest';
import { MemoryNetwork } from '../../src/backplane/memory/memory-network.js';
import type { Report } from '../../src/server/reports.js';
import { eventually } from '../support/facts.js';
import { byMemory, byRedis, type Way } from '../support/instances.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { connect, type Started, startServer } from '../support/server.js';

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

interface Instance extends Started {
  readonly reports: Report[];
  /** The names of the calls. */
  readonly calls: string[];
}

/** Each client comes through a proxy that names its address. */
async function start(way: Way, index: number): Promise<Instance> {
  const reports: Report[] = [];
  const calls: string[] = [];
  const started = await startServer({
    identifier: `instance-${index}`,
    trustedHops: 1,
    authenticationKey: ({ auth }) => auth.name,
    authenticateFn: ({ auth }) => {
      calls.push(auth.name);
      return auth.password === 'right';
    },
    onReport: (report) => reports.push(report),
    ...way.options(),
  });
  return { ...started, reports, calls };
}

/** The code of the answer, or `in`. */
async function attempt({ url }: Started, name: string, password: string, address = '8.8.8.8'): Promise<string> {
  const extraHeaders = { 'X-Forwarded-For': address };
  const client = connect(url, { auth: { name, password }, extraHeaders, transports: ['websocket'] });
  await client.heardOf('connect');
  client.socket.emit('authenticate');
  const out = client.heardOf<{ code: string }>('unauthenticated').then(({ code }) => code);
  const code = await Promise.race([client.heardOf('authenticated').then(() => 'in'), out]);
  out.catch(() => {});
  client.socket.disconnect();
  return code;
}

const typesOf = ({ reports }: Instance, type: string) => reports.filter((report) => report.type === type);

describe.each([
  ['in the memory of one process', () => byMemory()],
  ['over Redis', () => byRedis(redis.port)],
] as const)('two instances %s', (_, makeWay) => {
  it('count the failures of a key together, and its owner gets in on both', async () => {
    const way = makeWay();
    const [one, two] = [await start(way, 0), await start(way, 1)];
    for (let n = 0; n < 9; n++) expect(await attempt(one, 'ann', 'wrong')).toBe('refused');
    expect(await attempt(two, 'ann', 'wrong')).toBe('refused');
    await eventually(() => typesOf(two, 'authentications_limited').length === 2);
    expect(typesOf(two, 'authentications_limited')).toEqual(
      expect.arrayContaining([
        { type: 'authentications_limited', by: 'key_and_address', failed: 10 },
        { type: 'authentications_limited', by: 'key', failed: 10 },
      ]),
    );
    expect(await attempt(two, 'ann', 'right')).toBe('rate_limited');
    expect(two.calls).toEqual(['ann']);
    for (const each of [one, two]) expect(await attempt(each, 'ann', 'right', '8.8.4.4')).toBe('in');
    expect(await attempt(two, 'bob', 'wrong')).toBe('refused');
    for (const each of [one, two]) expect(typesOf(each, 'limit_counted_alone')).toEqual([]);
  });

  it('a success ends what its instance has told of before', async () => {
    const way = makeWay();
    const [one, two] = [await start(way, 0), await start(way, 1)];
    for (let n = 0; n < 9; n++) expect(await attempt(one, 'eve', 'wrong')).toBe('refused');
    expect(await attempt(one, 'eve', 'right')).toBe('in');
    for (let n = 0; n < 8; n++) expect(await attempt(two, 'eve', 'wrong')).toBe('refused');
    expect(await attempt(two, 'eve', 'right')).toBe('in');
    for (const each of [one, two]) expect(typesOf(each, 'authentications_limited')).toEqual([]);
  });
});

it('an instance that is cut off counts its own failures, and says so once', async () => {
  const network = new MemoryNetwork();
  const way = byMemory(network);
  const [one, two] = [await start(way, 0), await start(way, 1)];
  for (let n = 0; n < 9; n++) await attempt(one, 'ann', 'wrong');
  network.cut('instance-1');
  for (let n = 0; n < 10; n++) expect(await attempt(two, 'ann', 'wrong')).toBe('refused');
  expect(await attempt(two, 'ann', 'wrong')).toBe('rate_limited');
  await eventually(() =>
    expect(typesOf(two, 'limit_counted_alone')).toEqual([
      { type: 'limit_counted_alone', limit: 'failed_authentications' },
    ]),
  );
  network.heal('instance-1');
  await eventually(async () => {
    await attempt(two, `name ${two.calls.length}`, 'wrong');
    return typesOf(two, 'limit_counted_together').length === 1;
  });
  expect(typesOf(two, 'limit_counted_together')).toMatchObject([{ limit: 'failed_authentications' }]);
});
