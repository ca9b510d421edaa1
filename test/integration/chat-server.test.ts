// npm test: node
// npm run test:matrix: newest-node, bun, oldest-bun
import { beforeAll, describe, expect, it } from 'vitest';
import { HISTORY_LENGTH, MAX_TEXT } from '../../examples/chat/words.js';
import { buildChat, ChatClient, OPERATOR_TOKEN, type RunningChat, signIn, startChat } from '../support/chat.js';
import { eventually, nextEvent } from '../support/facts.js';
import { SETTING } from '../support/setting.js';

const ANY_NAME = 'Enter a name of up to 24 letters, digits, spaces, `_`, `-` or `.`';

let chat: RunningChat;

beforeAll(async () => {
  await buildChat();
  chat = await startChat();
});

/** Separate names for each test, because all tests share one server. */
let count = 0;
function names(): [ada: string, ben: string] {
  count += 1;
  return [`Ada ${count}`, `Ben ${count}`];
}

describe('the HTTP API', () => {
  it.each([
    ['Ada', 'Ada'],
    ['  Zoë-Ann_2.0 ', 'Zoë-Ann_2.0'],
    ['किरण', 'किरण'],
    ['e\u0301', 'é'],
  ])('signs in as %j', async (given, name) => {
    const signedIn = await signIn(chat.url, given);
    expect(signedIn.name).toBe(name);
    expect(JSON.parse(Buffer.from(signedIn.token.split('.')[1] ?? '', 'base64url').toString())).toMatchObject({
      exp: expect.any(Number),
    });
  });

  it.each([
    ['{"name":""}', ANY_NAME],
    ['{"name":"  "}', ANY_NAME],
    [`{"name":"${'x'.repeat(25)}"}`, ANY_NAME],
    ['{"name":"a/b"}', ANY_NAME],
    ['{"name":"a\\u202eb"}', 'without invisible characters'],
    ['{"name":7}', ANY_NAME],
    ['{"name":["Ada"]}', ANY_NAME],
    ['{}', ANY_NAME],
    ['[]', 'expected object, received array'],
    ['null', 'expected object, received null'],
    ['no json', 'must be JSON'],
  ])('refuses to sign in with %s', async (body, why) => {
    const response = await fetch(`${chat.url}/api/sign-in`, { method: 'POST', body });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({ error: expect.stringContaining(why) });
  });

  it('refuses a body that is too long', async () => {
    const response = await fetch(`${chat.url}/api/sign-in`, { method: 'POST', body: 'x'.repeat(100_000) });
    expect(response.status).toBe(413);
  });

  it('serves the page, its health and its rooms, and nothing else', async () => {
    const page = await fetch(chat.url);
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    expect(page.headers.get('cache-control')).toBe('no-cache');
    const html = await page.text();
    const [, script = ''] = /src="\.?(\/assets\/[^"]+\.js)"/.exec(html) ?? [];
    const asset = await fetch(chat.url + script);
    expect([asset.status, asset.headers.get('content-type')]).toEqual([200, expect.stringContaining('javascript')]);
    expect(asset.headers.get('cache-control')).toContain('immutable');
    // The page imports only the types of the contract, so the schema library is not in its bundle.
    expect(await asset.text()).not.toContain('ZodError');
    expect(await (await fetch(`${chat.url}/healthz`)).text()).toBe('ok');
    const { rooms } = (await (await fetch(`${chat.url}/api/rooms`)).json()) as { rooms: { id: string }[] };
    expect(rooms.map(({ id }) => id)).toEqual(['lobby', 'garden', 'workshop', 'vault']);
    for (const path of ['/nothing', '/%2e%2e/server/main.js', '/..%2fserver/main.js', '/api/sign-in']) {
      expect((await fetch(chat.url + path)).status, path).toBe(404);
    }
  });
});

/** The part of an answer that the chat sets, without headers of the runtime or of this moment. */
async function answerOf(url: string, path: string, init?: RequestInit): Promise<object> {
  const response = await fetch(url + path, init);
  const { date, connection, 'keep-alive': _, ...headers } = Object.fromEntries(response.headers);
  const { 'content-type': type, 'content-length': length, ...others } = headers;
  const text = (await response.text()).replace(/"(token|login|at|instance|uptime)":("[^"]*"|\d+)/g, '"$1"');
  return {
    status: response.status,
    ...others,
    type: type?.toLowerCase().replaceAll(' ', ''),
    // Else it follows from the text.
    length: init?.method === 'HEAD' ? length : undefined,
    text,
  };
}

describe('Node.js and Bun', () => {
  it('give the same answers', async () => {
    const other = await startChat({ runtime: SETTING.runtime === 'bun' ? 'node' : 'bun' });
    const [, script = ''] = /src="\.?(\/assets\/[^"]+\.js)"/.exec(await (await fetch(chat.url)).text()) ?? [];
    const body = (text: string): RequestInit => ({ method: 'POST', body: text });
    const operator: RequestInit = { headers: { authorization: `Bearer ${OPERATOR_TOKEN}` } };
    const paths = ['/', script, '/assets', '/nothing', '/%zz', '/healthz', '/api/rooms', '/operator/info'];
    const operatorPaths = ['/info', '/health', '/clients', '/clients/nobody/rooms', '/nothing'];
    const requests: [path: string, init?: RequestInit][] = [
      ...paths.map((path): [string] => [path]),
      ...['/', script].map((path): [string, RequestInit] => [path, { method: 'HEAD' }]),
      ...['{"name":"Ada"}', '{}', 'no json', 'x'.repeat(100_000)].map((text): [string, RequestInit] => [
        '/api/sign-in',
        body(text),
      ]),
      ...operatorPaths.map((path): [string, RequestInit] => [`/operator${path}`, operator]),
      ...['{"text":"Hello"}', '{"text":7}', 'no json'].map((text): [string, RequestInit] => [
        '/operator/broadcast',
        { ...operator, ...body(text) },
      ]),
      ['/api/rooms', { method: 'DELETE' }],
    ];
    for (const [path, init] of requests) {
      const wanted = await answerOf(chat.url, path, init);
      expect(await answerOf(other.url, path, init), `${init?.method ?? 'GET'} ${path}`).toEqual(wanted);
    }
  });
});

describe('the gate', () => {
  it('refuses tokens that it did not sign', async () => {
    const { token } = await signIn(chat.url, 'Eve');
    const [header, claims, signature] = token.split('.');
    const other = btoa(JSON.stringify({ sub: 'Ada', exp: 9_999_999_999 })).replace(/=+$/, '');
    const none = btoa(JSON.stringify({ alg: 'none' })).replace(/=+$/, '');
    for (const bad of ['', 'nonsense', `${header}.${other}.${signature}`, `${none}.${claims}.`, `${token}x`]) {
      const { socket } = ChatClient.knock(chat.url, bad);
      const [why] = await nextEvent<[{ code: string }]>(socket, 'unauthenticated');
      expect(why.code, bad).toBe('refused');
    }
  });

  it('welcomes a client with a valid token', async () => {
    const [name] = names();
    const { token } = await signIn(chat.url, name);
    const client = ChatClient.knock(chat.url, token);
    const welcome = await client.next('welcome');
    expect(welcome).toMatchObject({ name, instance: expect.any(String), limits: { text: MAX_TEXT } });
    expect(welcome.rooms).toHaveLength(4);
    expect(await client.next('health')).toEqual({ degraded: false, message: '' });
    await eventually(() => client.people.some((person) => person.name === name));
  });

  it('refuses the vault, rooms of other people, and unknown rooms', async () => {
    const [ada, ben] = names();
    const client = await ChatClient.enter(chat.url, ada, 'lobby');
    const asked = ['room/vault', `user/${ben}`, `user/${ada}`, 'room/attic', 'lobby'];
    const { joined, refused } = await client.join(...asked);
    expect(joined).toEqual([]);
    expect(refused.map(({ room, code }) => [room, code])).toEqual(asked.map((room) => [room, 'not_allowed']));
  });
});

describe('a room', () => {
  it('delivers a message to everybody in it, the sender included, and to nobody else', async () => {
    const [ada, ben] = names();
    const [one, other, outside] = await Promise.all([
      ChatClient.enter(chat.url, ada, 'garden'),
      ChatClient.enter(chat.url, ben, 'garden'),
      ChatClient.enter(chat.url, `${ben} outside`, 'lobby'),
    ]);
    const said = await one.ask('say', { echo: `${ada}-1`, room: 'garden', text: '  Tea is ready.  ' });
    const heard = await other.next('message');
    expect(heard).toEqual({
      id: expect.any(String),
      room: 'garden',
      from: ada,
      text: 'Tea is ready.',
      at: expect.any(String),
    });
    expect(new Date(heard.at).toISOString()).toBe(heard.at);
    expect(said).toEqual({ ...heard, echo: `${ada}-1` });
    for (const client of [one, outside]) {
      await client.join();
      expect(client.all('message')).toEqual([]);
    }
  });

  it('rejects messages of people who are not in it, and invalid messages', async () => {
    const client = await ChatClient.enter(chat.url, names()[0], 'lobby');
    // Half of a character: scripts in Redis could no longer read the room's history.
    for (const [path, half] of [
      ['text', { echo: 'x', text: 'x\ud800' }],
      ['echo', { echo: 'x\udfff', text: 'x' }],
    ] as const) {
      const issues = [{ path, code: 'custom' }];
      expect(await client.refusal('say', { room: 'lobby', ...half })).toMatchObject({ code: 'invalid', issues });
    }
    const elsewhere = { echo: 'x', room: 'vault', text: 'Open, sesame' };
    expect(await client.refusal('say', elsewhere)).toMatchObject({ code: 'not_in_room' });
  });

  it.each(['\u200b', '\u2800', '\u3164', '\u034f', '\ufe0f', '\u202e', ' \u2060\u00ad\n\u200d '])(
    'rejects a message of invisible characters only: %j',
    async (text) => {
      const client = await ChatClient.enter(chat.url, names()[0], 'lobby');
      const issues = [{ path: 'text', code: 'custom' }];
      const said = { echo: 'x', room: 'lobby', text };
      expect(await client.refusal('say', said)).toMatchObject({ code: 'invalid', issues });
    },
  );

  it('sends typing notices to the others', async () => {
    const [ada, ben] = names();
    const one = await ChatClient.enter(chat.url, ada, 'lobby');
    const other = await ChatClient.enter(chat.url, ben, 'lobby');
    one.sendRaw('typing', { room: 'lobby', typing: true });
    expect(await other.next('typing')).toEqual({ room: 'lobby', from: ada, typing: true });
    one.sendRaw('typing', { to: ben, typing: false });
    expect(await other.next('typing')).toEqual({ to: ben, from: ada, typing: false });
    await one.join();
    expect(one.all('typing')).toEqual([]);
  });

  it(`keeps the last ${HISTORY_LENGTH} messages, and a retry once`, async () => {
    const [ada, ben] = names();
    const one = await ChatClient.enter(chat.url, ada, 'workshop');
    for (let n = 1; n < HISTORY_LENGTH + 5; n += 1)
      one.sendRaw('say', { echo: `${ada}-${n}`, room: 'workshop', text: `${n}` });
    const last = { echo: `${ada}-last`, room: 'workshop', text: `${HISTORY_LENGTH + 5}` };
    const first = await one.ask('say', last);
    expect(await one.ask('say', { ...last, text: 'sent again' })).toEqual(first);

    const other = await ChatClient.enter(chat.url, ben, 'workshop');
    const history = await other.ask('history', { room: 'workshop' });
    expect(history.map(({ text }) => text)).toEqual(Array.from({ length: HISTORY_LENGTH }, (_, n) => `${n + 6}`));
    expect(other.all('message')).toEqual([]);
  });

  it('gives each message its own id, whatever token its sender chose', async () => {
    const [ada, ben] = names();
    const one = await ChatClient.enter(chat.url, ada, 'garden');
    const other = await ChatClient.enter(chat.url, ben, 'garden');
    one.sendRaw('say', { echo: 'same', room: 'garden', text: 'of one' });
    const first = await other.next('message');
    for (const echo of ['same', first.id]) {
      other.sendRaw('say', { echo, id: first.id, room: 'garden', text: 'of the other' });
      const second = await one.next('message', ({ from }) => from === ben);
      expect(second.id).not.toBe(first.id);
      expect(second).not.toHaveProperty('echo');
    }
    const last = (await other.ask('history', { room: 'garden' })).slice(-3);
    expect(new Set(last.map(({ id }) => id)).size).toBe(3);
    // Each sees its own tokens only.
    expect(last.map(({ text, ...more }) => [text, 'echo' in more && more.echo])).toEqual([
      ['of one', false],
      ['of the other', 'same'],
      ['of the other', first.id],
    ]);
  });

  it('sends its history to members only', async () => {
    const client = await ChatClient.enter(chat.url, names()[0], 'lobby');
    expect(await client.refusal('history', { room: 'vault' })).toMatchObject({ code: 'not_in_room' });
    expect(await client.ask('history', { room: 'lobby' })).toEqual(expect.any(Array));
  });

  it('answers a limited number of history requests, for all windows of a person together', async () => {
    const [ada] = names();
    const windows = [await ChatClient.enter(chat.url, ada, 'lobby'), await ChatClient.enter(chat.url, ada, 'lobby')];
    const asked = Array.from({ length: 120 }, (_, n) => windows[n % 2]?.ask('history', { room: 'lobby' }));
    await expectSomeRefused(asked);
  });

  it('rejects messages of a person who sends too many, in all windows together', async () => {
    const [ada, ben] = names();
    const windows = [await ChatClient.enter(chat.url, ada, 'lobby'), await ChatClient.enter(chat.url, ada, 'lobby')];
    const reader = await ChatClient.enter(chat.url, ben, 'lobby');
    const said = (n: number) => ({ echo: `${ada}-${n}`, room: 'lobby', text: `${n}` });
    const answered = await expectSomeRefused(
      Array.from({ length: 150 }, (_, n) => windows[n % 2]?.ask('say', said(n))),
    );
    await reader.join();
    expect(reader.all('message')).toHaveLength(answered);
  });
});

/** The first 100 were answered, and some of the others were refused. Resolves to the number of answers. */
async function expectSomeRefused(asked: readonly (Promise<unknown> | undefined)[]): Promise<number> {
  const settled = await Promise.allSettled(asked);
  const refused = settled.flatMap((it) => (it.status === 'rejected' ? String(it.reason) : []));
  const answered = settled.length - refused.length;
  expect(answered).toBeGreaterThanOrEqual(100);
  expect(answered).toBeLessThan(settled.length);
  for (const reason of refused) expect(reason).toMatch(/"code":"rate_limited".*"retryAfter":\d+/);
  return answered;
}

describe('a whisper', () => {
  it('reaches all windows of both people, whose history keeps it', async () => {
    const [ada, ben] = names();
    const [one, second, other, third] = await Promise.all([
      ChatClient.enter(chat.url, ada),
      ChatClient.enter(chat.url, ada),
      ChatClient.enter(chat.url, ben),
      ChatClient.enter(chat.url, `${ben} 3`),
    ]);
    const whispered = await one.ask('whisper', { echo: 'w', to: ben, text: 'Psst' });
    const heard = await other.next('whisper');
    expect(heard).toEqual({ id: expect.any(String), from: ada, to: ben, text: 'Psst', at: expect.any(String) });
    expect(whispered).toEqual({ ...heard, echo: 'w' });
    expect(await second.next('whisper')).toEqual(heard);
    expect(await one.ask('whisper', { echo: 'w', to: ben, text: 'Psst again' })).toEqual(whispered);

    expect(await other.ask('whispers', { person: ada })).toEqual([heard]);
    expect(await third.ask('whispers', { person: ada })).toEqual([]);
    expect(third.all('whisper')).toEqual([]);
  });

  it('is rejected if a person writes to many new people, in all windows together', async () => {
    const [ada, ben] = names();
    const people = Array.from({ length: 14 }, (_, index) => `${ben} of ${index}`);
    await ChatClient.crowd(chat.url, people, 'lobby');
    const windows = [await ChatClient.enter(chat.url, ada), await ChatClient.enter(chat.url, ada)];
    const whispers = people.map((to) => ({ echo: to, to, text: 'Psst' }));
    const sent = whispers.map((whisper, index) => windows[index % 2]?.ask('whisper', whisper));
    const results = await Promise.allSettled(sent);
    const known = results.flatMap((result) => (result.status === 'fulfilled' ? (result.value?.to ?? []) : []));
    expect(known).toHaveLength(10);
    const [refused] = whispers.filter(({ to }) => !known.includes(to));
    expect(await windows[0]?.refusal('whisper', refused)).toMatchObject({ code: 'too_many_people' });
    // People who already received a message are not new.
    await windows[0]?.ask('whisper', { echo: 'more', to: known[0] ?? '', text: 'And more' });
  });

  it('is rejected if nobody with that name is online', async () => {
    const [ada, ben] = names();
    const client = await ChatClient.enter(chat.url, ada);
    const refusal = await client.refusal('whisper', { echo: 'w', to: ben, text: 'Psst' });
    expect(refusal).toEqual({ code: 'away', message: `${ben} is not online.` });
  });
});

describe('the list of people', () => {
  it('follows arrivals, changes of rooms and departures, with one entry for each name', async () => {
    const [ada, ben] = names();
    const one = await ChatClient.enter(chat.url, ada, 'lobby');
    await one.sees([`${ada}: lobby`]);
    const other = await ChatClient.enter(chat.url, ben, 'lobby', 'garden');
    const again = await ChatClient.enter(chat.url, ben, 'workshop');
    await one.sees([`${ada}: lobby`, `${ben}: garden, lobby, workshop`]);
    await again.sees([`${ada}: lobby`, `${ben}: garden, lobby, workshop`]);
    again.socket.disconnect();
    await one.sees([`${ada}: lobby`, `${ben}: garden, lobby`]);
    other.sendRaw('leave', { rooms: ['room/lobby'] });
    await one.sees([`${ada}: lobby`, `${ben}: garden`]);
    other.socket.disconnect();
    await one.sees([`${ada}: lobby`]);
  });
});

describe('a person who joins and leaves a room all the time', () => {
  it('causes at most one small message a second', async () => {
    const own = await startChat();
    const names = Array.from({ length: 40 }, (_, index) => `Somebody ${index}`);
    await ChatClient.crowd(own.url, names, 'lobby');
    const witness = await ChatClient.enter(own.url, 'Witness', 'lobby');
    const restless = await ChatClient.enter(own.url, 'Restless', 'lobby');
    await eventually(() => witness.people.length === names.length + 2);
    const before = witness.all('presence').length;
    const start = performance.now();
    // The server has handled each change before the next one.
    for (let n = 0; n < 401; n += 1) await restless[n % 2 === 0 ? 'join' : 'leave']('room/garden');
    await eventually(() => witness.people.some(({ name, rooms }) => name === 'Restless' && rooms.includes('garden')));
    const seconds = (performance.now() - start) / 1_000;
    const heard = witness.all('presence').slice(before);
    expect(heard.length).toBeLessThanOrEqual(seconds + 2);
    for (const each of heard) expect(JSON.stringify(each).length).toBeLessThan(200);
    expect(witness.all('people')).toHaveLength(1);
  });
});

describe('a stranger', () => {
  const SHAPES: unknown[] = [undefined, null, 0, '', 'abc', true, [], [[]], {}, { echo: {} }, { toString: null }];
  const FIELDS = [null, 7, '', [], {}, 'x'.repeat(MAX_TEXT + 1), ' '];

  it('can not harm others with payloads of any shape', async () => {
    const [ada, ben] = names();
    const witness = await ChatClient.enter(chat.url, ada, 'garden');
    const stranger = await ChatClient.enter(chat.url, ben, 'garden');
    const payloads = [
      ...SHAPES,
      ...FIELDS.map((text) => ({ echo: 'x', room: 'garden', to: ada, text, typing: 1 })),
      ...FIELDS.map((it) => ({ echo: it, room: it, to: it, person: it, text: 'Hello', typing: true })),
    ];
    for (const event of ['say', 'whisper', 'typing', 'history', 'whispers']) {
      stranger.sendRaw(event);
      for (const payload of payloads) stranger.sendRaw(event, payload);
      stranger.sendRaw(event, ...payloads);
      stranger.sendRaw(event, new Uint8Array(8), () => undefined);
    }
    for (const event of ['welcome', 'message', 'people', 'presence', 'roomgate:left', '__proto__', 'constructor']) {
      stranger.sendRaw(event, { from: ada, text: 'forged' });
    }
    await stranger.join();
    await witness.join();
    expect(witness.all('message')).toEqual([]);
    expect(witness.all('whisper')).toEqual([]);
    expect(witness.all('typing')).toEqual([]);
    for (const event of ['say', 'whisper', 'history', 'whispers'] as const) {
      expect((await stranger.refusal(event, { toString: null })).code, event).toMatch(/^(invalid|rate_limited)$/);
    }

    witness.sendRaw('say', { echo: `${ada}-after`, room: 'garden', text: 'Still here' });
    expect(await stranger.next('message')).toMatchObject({ text: 'Still here' });
    expect(chat.program.stderr).toBe('');
  });
});
