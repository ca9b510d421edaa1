// npm test: node
import { RequestError } from 'roomgate/client';
import { describe, expect, it } from 'vitest';
import type { Person } from '../../examples/chat/contract.js';
import type { Told } from '../../examples/chat/page/src/entries.js';
import { dayOf, grouped, initialsOf, lengthWords, tabTitle, typingWords } from '../../examples/chat/page/src/format.js';
import { describeLine } from '../../examples/chat/page/src/line.js';
import { piecesOf } from '../../examples/chat/page/src/links.js';
import { memoryOf, restored } from '../../examples/chat/page/src/memory.js';
import { hashOf, keyInHash } from '../../examples/chat/page/src/route.js';
import { conversationOf, type Entry, initialState, onlineIn, type State } from '../../examples/chat/page/src/state.js';
import { type Action, createStore, reduce } from '../../examples/chat/page/src/store.js';
import { whyNotSent } from '../../examples/chat/page/src/why-not-sent.js';

const LOBBY = 'room:lobby';
const at = (minute: number): string => `2026-03-01T10:${`${minute}`.padStart(2, '0')}:00.000Z`;
const told = (id: string, minute: number, from = 'Grace') => ({ id, from, text: id, at: at(minute) });
const mine = (id: string, minute: number): Entry => ({ ...told(id, minute, 'Ada'), delivery: 'sending' });

/** The state of Ada's chat, on its first connection. */
function stateAfter(...actions: readonly Action[]): State {
  const start: readonly Action[] = [
    { type: 'signed in', name: 'Ada', login: 'login', restored: new Map() },
    { type: 'let in' },
  ];
  return [...start, ...actions].reduce(reduce, initialState());
}

const stands = (state: State): string[] =>
  conversationOf(state, LOBBY).entries.map(({ id, echo, delivery }) => `${echo ?? id} ${delivery}`);

const written = (id: string): Action => ({ type: 'written', key: LOBBY, entry: mine(id, 30) });
/** The connection broke, or the answer did not come in time. */
const doubted = (id: string): Action => ({ type: 'doubted', key: LOBBY, id });
/** As the server sends Ada's own messages: with its own id and her token. */
const own = (echo: string, minute: number) => ({ ...told(echo, minute, 'Ada'), id: `server-${echo}`, echo });
const echo = (id: string, minute: number): Action => ({ type: 'told', key: LOBBY, message: own(id, minute) });
const history = (...messages: Told[]): Action => ({ type: 'history', key: LOBBY, messages });
const broken: Action = { type: 'let in' };

describe('a message of this page', () => {
  it('counts as sent only with the answer of the server', () => {
    expect(stands(stateAfter(written('a')))).toEqual(['a sending']);
    expect(stands(stateAfter(written('a'), echo('a', 31)))).toEqual(['a sent']);
    expect(stands(stateAfter(written('a'), echo('a', 31), echo('a', 31)))).toEqual(['a sent']);
  });

  it('comes after sent messages, and moves to its place by the time of the server', () => {
    const state = stateAfter(written('a'), history(told('b', 40), told('c', 20)));
    expect(stands(state)).toEqual(['c sent', 'b sent', 'a sending']);
    expect(stands(reduce(state, echo('a', 30)))).toEqual(['c sent', 'a sent', 'b sent']);
  });

  it('is lost if nobody answered it and the history does not have it', () => {
    expect(stands(stateAfter(written('a'), doubted('a')))).toEqual(['a doubtful']);
    expect(stands(stateAfter(written('a'), doubted('a'), history()))).toEqual(['a failed']);
    expect(stands(stateAfter(written('a'), doubted('a'), history(own('a', 30))))).toEqual(['a sent']);
    expect(stands(stateAfter(written('a'), doubted('a'), echo('a', 31), history()))).toEqual(['a sent']);
  });

  it('is not lost while it can still be answered', () => {
    expect(stands(stateAfter(written('a'), history()))).toEqual(['a sending']);
    expect(stands(stateAfter(written('a'), broken, history()))).toEqual(['a sending']);
  });

  it('becomes sent if the answer comes late, and does not fail afterwards', () => {
    const failed: Action = { type: 'failed', id: 'a', reason: 'why' };
    expect(stands(stateAfter(written('a'), failed))).toEqual(['a failed']);
    expect(stands(stateAfter(written('a'), failed, echo('a', 31)))).toEqual(['a sent']);
    expect(stands(stateAfter(written('a'), echo('a', 31), failed))).toEqual(['a sent']);
  });

  it('can be sent again with the same id, at the end, or discarded', () => {
    const failed: Action = { type: 'failed', id: 'a', reason: 'why' };
    const both = stateAfter(written('a'), written('b'), failed);
    expect(stands(reduce(both, { type: 'again', key: LOBBY, id: 'a' }))).toEqual(['b sending', 'a sending']);
    expect(stands(reduce(both, { type: 'discarded', key: LOBBY, id: 'a' }))).toEqual(['b sending']);
  });

  it('is kept over a reload, and has to be looked up', () => {
    const state = stateAfter(written('a'), written('b'), echo('b', 1), written('c'), {
      type: 'failed',
      id: 'c',
      reason: 'why',
    });
    const memory = JSON.parse(JSON.stringify(memoryOf(state)));
    const action: Action = { type: 'signed in', name: 'Ada', login: 'login', restored: restored(memory) };
    const again = [action, broken].reduce(reduce, initialState());
    expect(stands(again)).toEqual(['a doubtful', 'c failed']);
    expect(stands(reduce(again, history(own('b', 1))))).toEqual(['b sent', 'a failed', 'c failed']);
  });
});

describe('the reason why a message was not sent', () => {
  const why = (code: string, retryAfter?: number): string =>
    whyNotSent(new RequestError(code, 'A sentence of the server.', { mayHaveRun: false, retryAfter }));

  it('is in plain words', () => {
    expect(why('not_in_room')).toBe('you are not in this room');
    expect(why('expired')).toBe('the connection was lost for too long');
    expect(why('away')).toBe('A sentence of the server.');
    expect(whyNotSent(new Error('A bug.'))).toBe('it could not be sent');
  });

  it('says when the message can be sent again', () => {
    expect(why('rate_limited', 180)).toBe('too many messages in a short time. Send it again in a second');
    expect(why('rate_limited', 1_001)).toBe('too many messages in a short time. Send it again in 2 seconds');
  });
});

describe('a message of another person', () => {
  const texts = (state: State): string[] => conversationOf(state, LOBBY).entries.map(({ from, id }) => `${from} ${id}`);
  const hears = (message: Told): Action => ({ type: 'told', key: LOBBY, message });

  it('never replaces another message, whatever token it has', () => {
    const before = stateAfter(written('a'), echo('b', 31), hears(told('c', 32)));
    const mischief = ['a', 'b', 'c', 'server-b'].map((token, n) =>
      hears({ ...told(`evil-${n}`, 40, 'Eve'), echo: token }),
    );
    const after = mischief.reduce(reduce, before);
    expect(texts(after)).toEqual([
      ...['Ada server-b', 'Grace c', 'Eve evil-0', 'Eve evil-1', 'Eve evil-2', 'Eve evil-3', 'Ada a'],
    ]);
  });

  it('can not be rejected or discarded by its id', () => {
    const state = stateAfter(hears(told('c', 32)));
    expect(stands(reduce(state, { type: 'failed', id: 'c', reason: 'why' }))).toEqual(['c sent']);
    expect(stands(reduce(state, { type: 'discarded', key: LOBBY, id: 'c' }))).toEqual(['c sent']);
  });
});

describe('people', () => {
  const ada = { name: 'Ada', rooms: ['lobby'] };
  const zoe = { name: 'Zoe', rooms: [] };
  const authenticated: Action = { type: 'line', line: { status: 'authenticated' }, now: 0 };
  const people = (now: number, ...list: Person[]): Action => ({ type: 'people', people: list, now });
  const clock = (now: number): Action => ({ type: 'clock', now });

  it('are the received list with all changes, in order', () => {
    expect(stateAfter(people(0, zoe, ada)).people).toEqual([ada, zoe]);
    const lin = { name: 'Lin', rooms: ['lobby'] };
    const moved = { ...ada, rooms: ['garden'] };
    const changes = { changed: [lin, moved], gone: ['Zoe', 'Nobody'] };
    const state = stateAfter(authenticated, people(0, zoe, ada), { type: 'presence', changes, now: 5 });
    expect(onlineIn(state)).toEqual([moved, lin]);
    expect(state.people).toEqual([moved, lin, { ...zoe, lostAt: 5 }]);
  });

  it('stay for ten seconds after the server stopped listing them', () => {
    const restarted = stateAfter(authenticated, people(0, zoe, ada), people(100, ada));
    expect(restarted.people).toEqual([ada, { ...zoe, lostAt: 100 }]);
    expect(reduce(restarted, clock(10_099)).people).toHaveLength(2);
    expect(reduce(restarted, clock(10_100)).people).toEqual([ada]);
    // A second list does not restart the time.
    expect(reduce(reduce(restarted, people(9_000, ada)), clock(10_100)).people).toEqual([ada]);
    expect(reduce(restarted, people(200, zoe, ada)).people).toEqual([ada, zoe]);
  });

  it('stay while there is no connection', () => {
    const away: Action = { type: 'line', line: { status: 'waiting' }, now: 0 };
    const state = stateAfter(authenticated, people(0, zoe, ada), people(100, ada), away, clock(99_000));
    expect(state.people).toHaveLength(2);
  });
});

describe('the history of the developer panel', () => {
  const status = (word: State['line']['status'], now: number, more: Partial<State['line']> = {}): Action => ({
    type: 'line',
    line: { status: word, ...more },
    now,
  });
  const transport = (name: string): Action => ({ type: 'transport', name, socketId: 'id', now: 2 });

  it('has the newest first, and merges repetitions of a status', () => {
    const { history, transport: current } = stateAfter(
      status('connecting', 1),
      transport('polling'),
      status('connected', 3),
      transport('websocket'),
      transport('websocket'),
      status('waiting', 4, { message: 'Why.' }),
      status('waiting', 5, { message: 'Why.', retryAt: 1_505 }),
    ).diagnostics;
    const words = history.map(({ what, detail = '' }) => `${what} ${detail}`.trim());
    expect(words).toEqual([
      'waiting Why., next attempt in 1.5\u00a0s',
      'transport: websocket',
      'connected',
      'transport: polling',
      'connecting',
    ]);
    expect(current).toBeUndefined();
  });

  it('keeps the last five errors', () => {
    const errors = Array.from({ length: 7 }, (_, n): Action => ({ type: 'error', message: `Error ${n}`, now: n }));
    const { diagnostics } = stateAfter(...errors);
    expect(diagnostics.errors.map(({ what }) => what)).toEqual([6, 5, 4, 3, 2].map((n) => `Error ${n}`));
  });
});

describe('piecesOf()', () => {
  const links = (text: string): string[] => piecesOf(text).flatMap(({ href }) => href ?? []);

  it.each([
    ['https://example.com', 'https://example.com/'],
    ['(see http://example.com/a?b=c#d).', 'http://example.com/a?b=c#d'],
    ['https://example.com/a_(b), and more', 'https://example.com/a_(b)'],
    ['HTTPS://EXAMPLE.COM!', 'https://example.com/'],
    ['https://bücher.example/ü', 'https://xn--bcher-kva.example/%C3%BC'],
  ])('finds in %j a link to %s', (text, href) => {
    expect(links(text)).toEqual([href]);
  });

  it.each([
    'javascript:alert(1)',
    'data:text/html,<script>',
    'ftp://example.com',
    'https://',
    'https://bank.example@evil.example',
    'www.example.com',
    'no link',
  ])('finds no link in %j', (text) => {
    expect(links(text)).toEqual([]);
  });

  it('ends a link before invisible characters and direction marks', () => {
    expect(links('https://example.com/\u202egpj.exe')).toEqual(['https://example.com/']);
    expect(links('https://exa\u200bmple.com')).toEqual(['https://exa/']);
  });

  it.each([
    ['https://аррӏе.com/x', 'xn--80ak6aa92e.com'],
    ['https://ｅｘａｍｐｌｅ.com', 'example.com'],
    ['https://evil。example/good.example', 'evil.example'],
    ['https://0x7f.1', '127.0.0.1'],
    ['https:///evil.example', 'evil.example'],
    ['https://good.example.evil。example', 'good.example.evil.example'],
  ])('names the host of %j, because the text does not show it', (text, host) => {
    expect(piecesOf(text)).toEqual([{ text, href: expect.stringContaining(`https://${host}/`), host }]);
  });

  it.each(['https://example.com', 'HTTPS://EXAMPLE.com:443/a', 'http://example.com:8080?a', 'http://[::1]:80/'])(
    'names no host for %j, whose text shows it',
    (text) => {
      expect(piecesOf(text)).toEqual([{ text, href: expect.any(String) }]);
    },
  );

  it('does not change the text', () => {
    const text = 'a https://b.example/c. d https://e.example, (http://f.example) https:// g';
    expect(
      piecesOf(text)
        .map((piece) => piece.text)
        .join(''),
    ).toBe(text);
  });
});

describe('the number of unread messages', () => {
  const heard = (id: string): Action => ({ type: 'told', key: 'room:garden', message: told(id, 1) });
  const unread = (state: State): number => conversationOf(state, 'room:garden').unread;

  it('counts messages of others in other conversations, including those that came during an outage', () => {
    expect(unread(stateAfter(heard('a'), heard('a'), heard('b')))).toBe(2);
    const past = (...ids: string[]): Action => ({
      type: 'history',
      key: 'room:garden',
      messages: ids.map((id, index) => told(id, index)),
    });
    expect(unread(stateAfter(past('a', 'b')))).toBe(0);
    expect(unread(stateAfter(past('a', 'b'), past('a', 'b', 'c')))).toBe(1);
  });

  it('becomes 0 once the reader looks', () => {
    expect(unread(stateAfter(heard('a'), { type: 'open', key: 'room:garden' }))).toBe(0);
    const away = stateAfter({ type: 'open', key: 'room:garden' }, { type: 'looking', isLooking: false }, heard('a'));
    expect(unread(away)).toBe(1);
    expect(unread(reduce(away, { type: 'looking', isLooking: true }))).toBe(0);
  });
});

describe('the list of people who are typing', () => {
  const types = (typing: boolean): Action => ({ type: 'typing', key: LOBBY, from: 'Grace', typing, now: 1_000 });
  const typists = (state: State): string[] => [...conversationOf(state, LOBBY).typing.keys()];

  it('ends with a notice, with a message, or after a while', () => {
    expect(typists(stateAfter(types(true)))).toEqual(['Grace']);
    expect(typists(stateAfter(types(true), types(false)))).toEqual([]);
    expect(typists(stateAfter(types(true), { type: 'told', key: LOBBY, message: told('a', 1) }))).toEqual([]);
    expect(typists(stateAfter(types(true), { type: 'clock', now: 6_999 }))).toEqual(['Grace']);
    expect(typists(stateAfter(types(true), { type: 'clock', now: 7_000 }))).toEqual([]);
  });

  it('does not make a conversation of a stranger', () => {
    const state = stateAfter({ type: 'typing', key: 'person:Eve', from: 'Eve', typing: true, now: 1_000 });
    expect(state.conversations.has('person:Eve')).toBe(false);
  });

  it('has a text', () => {
    expect(typingWords([])).toBeUndefined();
    expect(typingWords(['Ada'])).toEqual({ names: 'Ada', verb: 'is typing…' });
    expect(typingWords(['Ada', 'Lin'])).toEqual({ names: 'Ada and Lin', verb: 'are typing…' });
    expect(typingWords(['Ada', 'Lin', 'Sam'])).toEqual({ names: '3 people', verb: 'are typing…' });
  });
});

describe('the state of the connection', () => {
  const line = (status: State['line'], more: Partial<State> = {}) =>
    describeLine({ ...initialState(), line: status, ...more });

  it('has a label, a color and an action', () => {
    expect(line({ status: 'authenticated' })).toEqual({ tone: 'ok', label: 'Connected' });
    expect(line({ status: 'connecting' }).label).toBe('Connecting');
    expect(line({ status: 'connecting' }, { life: 1 }).label).toBe('Reconnecting');
    expect(line({ status: 'authenticating' }).label).toBe('Signing in');
    expect(line({ status: 'waiting', retryAt: 5 })).toMatchObject({ action: 'Try now', retryAt: 5 });
    expect(line({ status: 'disconnected' }).action).toBe('Connect');
    const refused = line({ status: 'refused', code: 'revoked', message: 'Why.' });
    expect(refused).toEqual({ tone: 'bad', label: 'Removed', detail: 'Why.', action: 'Sign in again' });
    expect(line({ status: 'refused', code: 'banned', message: 'Why.' })).toMatchObject({ label: 'Banned' });
    expect(line({ status: 'refused', code: 'refused', message: 'Why.' })).toMatchObject({ label: 'Signed out' });
  });

  it('is offline without a network, and degraded if the server reports it', () => {
    expect(line({ status: 'waiting', retryAt: 5 }, { isOnline: false }).label).toBe('Offline');
    expect(line({ status: 'authenticated' }, { isOnline: false }).label).toBe('Connected');
    const health = { degraded: true, message: 'Some.' };
    expect(line({ status: 'authenticated' }, { health })).toMatchObject({ tone: 'warn', detail: 'Some.' });
  });
});

describe('small functions', () => {
  it('group messages by day, sender and time', () => {
    const entries = [told('a', 0), told('b', 4), told('c', 10), told('d', 11, 'Ada')];
    const sent = entries.map((it): Entry => ({ ...it, delivery: 'sent' }));
    const [day] = grouped(sent, new Date(at(20)));
    expect(day?.label).toBe('Today');
    expect(day?.groups.map(({ entries: said }) => said.map(({ id }) => id).join(''))).toEqual(['ab', 'c', 'd']);
    expect(dayOf(at(0), new Date('2026-03-02T10:00:00Z'))).toBe('Yesterday');
  });

  it('read any address', () => {
    for (const key of ['room:lobby', 'person:Ada Lovelace', 'person:李 _-.'] as const) {
      expect(keyInHash(hashOf(key))).toBe(key);
    }
    for (const hash of ['', '#', '#/room/', '#/other/x', '#/person/%E0%A4%A', '#/person/Call%20555%3A1234'])
      expect(keyInHash(hash)).toBeUndefined();
  });

  it('take initials from any script', () => {
    expect(initialsOf('Ada Lovelace')).toBe('AL');
    expect(initialsOf('grace')).toBe('G');
    expect(initialsOf('李')).toBe('李');
    expect(initialsOf('_')).not.toContain('undefined');
  });

  it('write the number of characters, and the title of the tab', () => {
    expect([-1_000, -1, 0, 1, 12].map(lengthWords)).toEqual([
      '1000 characters too many',
      '1 character too many',
      '0 characters left',
      '1 character left',
      '12 characters left',
    ]);
    expect(tabTitle(0, undefined)).toBe('Roomgate chat');
    expect(tabTitle(0, 'Lobby')).toBe('Lobby · Roomgate chat');
    expect(tabTitle(2, 'Lobby')).toBe('(2) Lobby · Roomgate chat');
  });

  it('call listeners once per tick', async () => {
    const store = createStore();
    let calls = 0;
    const stop = store.listen(() => {
      calls += 1;
    });
    store.dispatch({ type: 'let in' });
    store.dispatch({ type: 'let in' });
    await Promise.resolve();
    expect(calls).toBe(1);
    stop();
    store.dispatch({ type: 'let in' });
    await Promise.resolve();
    expect(calls).toBe(1);
  });
});
