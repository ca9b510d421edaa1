// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { beforeAll, describe, expect, it } from 'vitest';
import { rawPolling, rawWebSocket } from '../support/raw.js';
import { type Served, serve } from './program.js';

const OURS = 'https://app.example';
const OTHER = 'https://evil.example';

let program: Served;
let at: Awaited<ReturnType<typeof serveAll>>;

const serveAll = () =>
  program.run(async ({ serve, note }) => {
    type Cors = NonNullable<import('socket.io').ServerOptions['cors']>;
    const withCors = (cors: unknown) => serve({ serverOptions: { cors: cors as Cors } });
    const ours = 'https://app.example';
    type Decide = (error: Error | null, allow?: unknown) => void;
    type Request = { headers: { origin?: string } };
    const fails = async () => Promise.reject(new Error('no database'));
    return {
      none: await serve(),
      false: await withCors(false),
      text: await withCors({ origin: ours }),
      list: await withCors({ origin: ['https://a.example', ours] }),
      pattern: await withCors({ origin: /^https:\/\/app\./g }),
      nested: await withCors({ origin: ['https://a.example', [/^https:\/\/app\.example$/]] }),
      function: await withCors({ origin: (origin: string, decide: Decide) => decide(null, origin === ours) }),
      later: await withCors({
        origin: (origin: string, decide: Decide) => {
          note(`asked about ${origin}`);
          setTimeout(() => decide(null, origin === ours && [/app\.example$/]), 5);
        },
      }),
      promised: await withCors({ origin: async (origin: string) => origin === ours }),
      dependent: await withCors((request: Request, decide: Decide) =>
        decide(null, { origin: request.headers.origin === ours ? ours : false }),
      ),
      delegated: await withCors((_: Request, decide: Decide) =>
        decide(null, { origin: (origin: string, answer: Decide) => answer(null, origin === ours) }),
      ),
      star: await withCors({ origin: '*' }),
      reflect: await withCors({ origin: true }),
      empty: await withCors({}),
      starLater: await withCors({ origin: (_: string, decide: Decide) => decide(null, '*') }),
      off: await withCors({ origin: false }),
      starInList: await withCors({ origin: ['*'] }),
      failing: await withCors({ origin: (_: string, decide: Decide) => decide(new Error('no database')) }),
      rejecting: await withCors({ origin: fails }),
      failingDelegate: await withCors(fails),
      schemes: await withCors({ origin: ['null', 'capacitor://localhost', 'ionic://localhost', 'file://'] }),
      guarded: await serve({
        serverOptions: {
          cors: { origin: ours },
          allowRequest: ({ headers }, decide) => {
            note(`allowRequest of ${headers.origin}`);
            decide('not today', headers.origin === undefined);
          },
        },
      }),
    };
  });

beforeAll(async () => {
  program = await serve();
  at = await serveAll();
});

type Headers = Readonly<Record<string, string>>;

/** `in`, or the status of the answer. */
const outcome = (opening: Promise<unknown>): Promise<string> =>
  opening.then(
    () => 'in',
    (error: Error) => (/\b[45]\d\d\b/.exec(error.message)?.[0] ? 'refused' : error.message),
  );

/** The results of a handshake over WebSocket, of one over polling, and of the upgrade of a session without an origin. */
async function answers(url: string, headers: Headers, opened: Headers = {}): Promise<string[]> {
  const { sid } = await rawPolling(url, { headers: opened });
  return Promise.all([
    outcome(rawWebSocket(url, { headers })),
    outcome(rawPolling(url, { headers })),
    outcome(rawWebSocket(url, { headers, query: { sid } })),
  ]);
}

const IN = ['in', 'in', 'in'];
const REFUSED = ['refused', 'refused', 'refused'];

describe('a page of another origin', () => {
  it.each([
    ...(['text', 'list', 'pattern', 'nested', 'function', 'later', 'promised', 'dependent', 'delegated'] as const),
    ...(['star', 'reflect', 'empty', 'starLater'] as const),
  ])('is accepted over each transport if cors allows it: %s', async (name) => {
    expect(await answers(at[name], { origin: OURS })).toEqual(IN);
    expect(await answers(at[name], { origin: OURS })).toEqual(IN);
  });

  it.each(['star', 'reflect', 'empty', 'starLater'] as const)('of any kind is accepted by cors: %s', async (name) => {
    for (const origin of [OTHER, 'null', 'capacitor://localhost', 'x:']) {
      expect(await answers(at[name], { origin })).toEqual(IN);
    }
  });

  it.each([
    ...(['none', 'false', 'text', 'list', 'pattern', 'nested', 'function', 'later', 'promised', 'dependent'] as const),
    ...(['delegated', 'off', 'starInList', 'guarded'] as const),
  ])('is refused over each transport if cors does not allow it: %s', async (name) => {
    expect(await answers(at[name], { origin: OTHER })).toEqual(REFUSED);
    expect(await answers(at[name], { origin: 'null' })).toEqual(REFUSED);
  });

  it.each(['failing', 'rejecting', 'failingDelegate'] as const)('is refused if cors fails: %s', async (name) => {
    expect(await outcome(rawPolling(at[name], { headers: { origin: OURS } }))).toBe('refused');
    expect(await outcome(rawWebSocket(at[name], { headers: { origin: OURS } }))).toBe('refused');
  });

  it('is checked by one function call per request', async () => {
    const before = (await program.notes()).length;
    await rawWebSocket(at.later, { headers: { origin: OURS } });
    await rawPolling(at.later, { headers: { origin: OURS } });
    expect((await program.notes()).slice(before)).toEqual([`asked about ${OURS}`, `asked about ${OURS}`]);
  });

  it('does not reach allowRequest of the program', async () => {
    const before = (await program.notes()).length;
    await outcome(rawPolling(at.guarded, { headers: { origin: OTHER } }));
    await outcome(rawPolling(at.guarded, { headers: { origin: OURS } }));
    expect((await program.notes()).slice(before)).toEqual([`allowRequest of ${OURS}`]);
  });
});

describe('without cors', () => {
  it('a request without an origin is accepted', async () => {
    expect(await answers(at.none, {})).toEqual(IN);
    expect(await answers(at.text, {})).toEqual(IN);
  });

  it.each([
    ['http://app.example', 'app.example'],
    [OURS, 'APP.example'],
    [OURS, 'app.example:443'],
    ['https://app.example:8443', 'app.example:8443'],
    ['http://[::1]:3000', '[::1]:3000'],
  ])('a page of the same origin is accepted: %s at %s', async (origin, host) => {
    expect(await answers(at.none, { origin, host })).toEqual(IN);
    expect(await answers(at.text, { origin, host })).toEqual(IN);
  });

  it.each([
    [OURS, 'app.example:8443'],
    [OURS, 'app.example.evil.example'],
    ['https://app.example.evil.example', 'app.example'],
    ['ftp://app.example', 'app.example'],
    ['javascript://app.example', 'app.example'],
    ['capacitor://localhost', 'localhost'],
    ['ionic://localhost', 'localhost'],
    ['file://', 'localhost'],
    ['null', 'null'],
    ['', 'app.example'],
  ])('a page is refused: %s at %s', async (origin, host) => {
    const said = await answers(at.none, { origin, host });
    // Some parsers treat an empty header as missing.
    expect(said).toEqual(origin === '' ? expect.anything() : REFUSED);
  });

  it('a page behind a proxy that changes Host is accepted if the browser reports it as same-origin', async () => {
    const own = { origin: OURS, 'sec-fetch-site': 'same-origin' };
    expect(await answers(at.none, own)).toEqual(IN);
    for (const site of ['same-site', 'cross-site', 'none', 'Same-Origin']) {
      expect(await answers(at.none, { origin: OURS, 'sec-fetch-site': site })).toEqual(REFUSED);
    }
  });

  it('an upgrade without that header is accepted if the request that opened the session had it', async () => {
    const opened = { 'sec-fetch-site': 'same-origin' };
    expect(await answers(at.none, { origin: OURS }, opened)).toEqual(['refused', 'refused', 'in']);
    expect(await answers(at.none, { origin: OURS }, { 'sec-fetch-site': 'cross-site' })).toEqual(REFUSED);
  });
});

it('origins of other schemes are accepted if cors lists them', async () => {
  for (const origin of ['null', 'capacitor://localhost', 'ionic://localhost', 'file://']) {
    expect(await answers(at.schemes, { origin })).toEqual(IN);
  }
  expect(await answers(at.schemes, { origin: 'capacitor://evil' })).toEqual(REFUSED);
});
