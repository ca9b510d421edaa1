// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { beforeAll, describe, expect, it } from 'vitest';
import { rawWebSocket } from '../support/raw.js';
import { connect } from '../support/server.js';
import { enter, type Served, serve, WAYS } from './program.js';
import { type Answer, ask, opening } from './requests.js';

const OURS = 'https://app.example';
const OTHER = 'https://evil.example';

let program: Served;
let at: Awaited<ReturnType<typeof serveAll>>;

const serveAll = () =>
  program.run(async ({ serve, note }) => {
    const withCors = (cors: NonNullable<import('socket.io').ServerOptions['cors']>) =>
      serve({ serverOptions: { cors } });
    const allow: import('socket.io').ServerOptions['allowRequest'] = (request, decide) => {
      const { url, headers, method } = request;
      note({ url, method, name: headers['x-name'], address: request.socket.remoteAddress });
      if (headers['x-name'] === 'nobody') decide('no room for nobody', false);
      else if (headers['x-name'] === 'silent') decide(undefined as never, false);
      else setImmediate(() => decide(undefined as never, true));
    };
    return {
      none: await serve(),
      any: await withCors({}),
      star: await withCors({ origin: '*' }),
      text: await withCors({ origin: 'https://app.example' }),
      list: await withCors({ origin: ['https://a.example', 'https://app.example'] }),
      pattern: await withCors({ origin: /^https:\/\/\w+\.example$/ }),
      mixed: await withCors({ origin: ['https://a.example', /app\.example$/] }),
      reflect: await withCors({ origin: true }),
      off: await withCors({ origin: false }),
      asked: await withCors({ origin: (origin, decide) => decide(null, origin === 'https://app.example') }),
      late: await withCors({
        origin: (origin, decide) =>
          setImmediate(() => decide(null, origin === 'https://app.example' && 'https://b.example')),
      }),
      failing: await withCors({ origin: (_, decide) => decide(new Error('no database')) }),
      full: await withCors({
        origin: 'https://app.example',
        credentials: true,
        methods: ['GET', 'POST'],
        allowedHeaders: ['X-One', 'X-Two'],
        exposedHeaders: ['X-Three'],
        maxAge: 600,
      }),
      status: await withCors({ origin: 'https://app.example', optionsSuccessStatus: 200 }),
      dependent: await withCors(((request: { url: string }, decide: (error: null, cors: object) => void) =>
        decide(null, { origin: request.url.includes('open=1') })) as never),
      guarded: await serve({ serverOptions: { allowRequest: allow, cors: { origin: 'https://app.example' } } }),
    };
  });

beforeAll(async () => {
  program = await serve();
  at = await serveAll();
});

const NAMES = ['allow-origin', 'allow-credentials', 'allow-methods', 'allow-headers', 'expose-headers', 'max-age'];

/** The CORS headers, without their prefix, and `vary`. */
function corsOf({ headers }: Answer): Record<string, unknown> {
  const found = NAMES.map((name) => [name, headers[`access-control-${name}`]] as const);
  const given = [...found, ['vary', headers.vary] as const].filter(([, value]) => value !== undefined);
  return Object.fromEntries(given);
}

const from = (url: string, origin: string, query = ''): Promise<Answer> =>
  ask(url, `${opening('polling')}${query}`, { headers: { origin } });

const preflight = (url: string, origin: string, asking: Record<string, string> = {}): Promise<Answer> =>
  ask(url, opening('polling'), {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST', ...asking },
  });

const DEFAULT_METHODS = 'GET,HEAD,PUT,PATCH,POST,DELETE';

describe('the CORS headers of a response', () => {
  it.each([
    ['none', OTHER, 403, {}],
    ['any', OTHER, 200, { 'allow-origin': '*' }],
    ['star', OTHER, 200, { 'allow-origin': '*' }],
    ['text', OURS, 200, { 'allow-origin': OURS, vary: 'Origin' }],
    // The header names the allowed origin, and the browser compares.
    ['text', OTHER, 403, { 'allow-origin': OURS, vary: 'Origin' }],
    ['list', OURS, 200, { 'allow-origin': OURS, vary: 'Origin' }],
    ['list', OTHER, 403, { vary: 'Origin' }],
    ['pattern', OURS, 200, { 'allow-origin': OURS, vary: 'Origin' }],
    ['pattern', 'https://app.example.org', 403, { vary: 'Origin' }],
    ['mixed', OURS, 200, { 'allow-origin': OURS, vary: 'Origin' }],
    ['mixed', OTHER, 403, { vary: 'Origin' }],
    ['reflect', OTHER, 200, { 'allow-origin': OTHER, vary: 'Origin' }],
    ['off', OURS, 403, {}],
    ['asked', OURS, 200, { 'allow-origin': OURS, vary: 'Origin' }],
    ['asked', OTHER, 403, {}],
    ['late', OURS, 403, { 'allow-origin': 'https://b.example', vary: 'Origin' }],
    [
      'full',
      OURS,
      200,
      { 'allow-origin': OURS, 'allow-credentials': 'true', 'expose-headers': 'X-Three', vary: 'Origin' },
    ],
  ] as const)('with origin "%s" to %s', async (name, origin, status, headers) => {
    const answer = await from(at[name], origin);
    expect(answer.status).toBe(status);
    expect(corsOf(answer)).toEqual(headers);
  });

  it('are on every response of a session, and on a refusal', async () => {
    const open = await from(at.text, OURS);
    const { sid } = JSON.parse(open.body.slice(1)) as { sid: string };
    const session = `${opening('polling')}&sid=${sid}`;
    const headers = { origin: OURS };
    const answers = [
      await ask(at.text, session, { method: 'POST', headers, body: '40' }),
      await ask(at.text, session, { headers }),
      await ask(at.text, `${opening('polling')}&sid=nobody`, { headers }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 400]);
    for (const answer of answers) expect(corsOf(answer)).toEqual({ 'allow-origin': OURS, vary: 'Origin' });
  });

  it('follow options that depend on the request', async () => {
    expect(corsOf(await from(at.dependent, OTHER, '&open=1'))).toEqual({ 'allow-origin': OTHER, vary: 'Origin' });
    const closed = await from(at.dependent, OTHER);
    expect([closed.status, corsOf(closed)]).toEqual([403, {}]);
  });

  it('are missing from the 400 that answers a failing options function', async () => {
    expect((await from(at.failing, OURS)).status).toBe(400);
  });
});

describe('a preflight request', () => {
  it.each([
    ['any', OTHER, {}, 204, { 'allow-origin': '*', 'allow-methods': DEFAULT_METHODS }],
    ['text', OURS, {}, 204, { 'allow-origin': OURS, 'allow-methods': DEFAULT_METHODS }],
    [
      'list',
      OURS,
      { 'access-control-request-headers': 'x-a,x-b' },
      204,
      { 'allow-origin': OURS, 'allow-methods': DEFAULT_METHODS, 'allow-headers': 'x-a,x-b' },
    ],
    ['list', OTHER, {}, 204, { 'allow-methods': DEFAULT_METHODS }],
    ['asked', OURS, {}, 204, { 'allow-origin': OURS, 'allow-methods': DEFAULT_METHODS }],
    [
      'full',
      OURS,
      {},
      204,
      {
        'allow-origin': OURS,
        'allow-credentials': 'true',
        'allow-methods': 'GET,POST',
        'allow-headers': 'X-One,X-Two',
        'expose-headers': 'X-Three',
        'max-age': '600',
      },
    ],
    ['status', OURS, {}, 200, { 'allow-origin': OURS, 'allow-methods': DEFAULT_METHODS }],
  ] as const)('with origin "%s" from %s with %j', async (name, origin, asking, status, headers) => {
    const answer = await preflight(at[name], origin, asking);
    const { vary, ...rest } = corsOf(answer);
    expect(answer.status).toBe(status);
    expect(answer.body).toBe('');
    expect(rest).toEqual(headers);
    expect(vary ?? '').toContain(headers['allow-origin' as never] === '*' ? '' : 'Origin');
  });

  it('gets no special answer without the option cors', async () => {
    const answer = await preflight(at.none, OURS);
    expect([answer.status, corsOf(answer)]).toEqual([400, {}]);
  });
});

describe('allowRequest', () => {
  it.each(WAYS)('refuses over $way with its message, and accepts others', async ({ transports }) => {
    const refused = connect(at.guarded, { transports, extraHeaders: { 'x-name': 'nobody' } });
    expect(await refused.heardOf('connect_error')).toMatch(/^(xhr poll|websocket) error$/);
    const before = (await program.notes()).length;
    await enter(at.guarded, { transports, extraHeaders: { 'x-name': 'somebody' } });
    const notes = (await program.notes()).slice(before) as { name: string }[];
    expect(notes[0]).toMatchObject({ name: 'somebody', method: 'GET', address: '127.0.0.1' });
    // It runs once for a session, not for each of its requests.
    expect(notes).toHaveLength(1);
  });

  it('sends its message with 403; without one, the message of Engine.IO', async () => {
    for (const [name, message] of [
      ['nobody', 'no room for nobody'],
      ['silent', 'Forbidden'],
    ] as const) {
      const answer = await ask(at.guarded, opening('polling'), { headers: { 'x-name': name, origin: OURS } });
      expect(answer.status).toBe(403);
      expect(JSON.parse(answer.body)).toEqual({ code: 4, message });
      expect(corsOf(answer)).toMatchObject({ 'allow-origin': OURS });
      // Node.js answers an upgrade with 400 for any reason.
      await expect(rawWebSocket(at.guarded, { headers: { 'x-name': name } })).rejects.toThrow(/40[03]/);
    }
  });

  it('receives path and query unchanged', async () => {
    await ask(at.guarded, `${opening('polling')}&room=a%20b`, { headers: { 'x-name': 'path' } });
    expect((await program.notes()).at(-1)).toMatchObject({ url: `${opening('polling')}&room=a%20b` });
  });
});
