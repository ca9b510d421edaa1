// npm test: node
import { describe, expect, it } from 'vitest';
import type { Told } from '../../examples/chat/page/src/entries.js';
import { dayOf, grouped, initialsOf, typingWords } from '../../examples/chat/page/src/format.js';
import { describeLine } from '../../examples/chat/page/src/line.js';
import { memoryOf, restored } from '../../examples/chat/page/src/memory.js';
import { hashOf, keyInHash } from '../../examples/chat/page/src/route.js';
import { conversationOf, type Entry, initialState, type State } from '../../examples/chat/page/src/state.js';
import { type Action, createStore, reduce } from '../../examples/chat/page/src/store.js';

const LOBBY = 'room:lobby';
const at = (minute: number): string => `2026-03-01T10:${`${minute}`.padStart(2, '0')}:00.000Z`;
const told = (id: string, minute: number, from = 'Grace') => ({ id, from, text: id, at: at(minute) });
const mine = (id: string, minute: number): Entry => ({ ...told(id, minute, 'Ada'), delivery: 'waiting' });

/** What becomes of Ada's chat, on its first connection. */
function stateAfter(...actions: readonly Action[]): State {
  const start: readonly Action[] = [{ type: 'signed in', name: 'Ada', restored: new Map() }, { type: 'let in' }];
  return [...start, ...actions].reduce(reduce, initialState());
}

const stands = (state: State): string[] =>
  conversationOf(state, LOBBY).entries.map(({ id, echo, delivery }) => `${echo ?? id} ${delivery}`);

const written = (id: string): Action => ({ type: 'written', key: LOBBY, entry: mine(id, 30) });
const handed = (id: string): Action => ({ type: 'handed over', key: LOBBY, id, now: 1 });
/** As the server tells Ada's own messages: under its own id, with her token. */
const own = (echo: string, minute: number) => ({ ...told(echo, minute, 'Ada'), id: `server-${echo}`, echo });
const echo = (id: string, minute: number): Action => ({ type: 'told', key: LOBBY, message: own(id, minute) });
const history = (...messages: Told[]): Action => ({ type: 'history', key: LOBBY, messages });
const broken: Action = { type: 'let in' };

describe('what is written', () => {
  it('waits, is handed over, and is sent only by its echo', () => {
    expect(stands(stateAfter(written('a')))).toEqual(['a waiting']);
    expect(stands(stateAfter(written('a'), handed('a')))).toEqual(['a sending']);
    expect(stands(stateAfter(written('a'), handed('a'), echo('a', 31)))).toEqual(['a sent']);
    expect(stands(stateAfter(written('a'), handed('a'), echo('a', 31), echo('a', 31)))).toEqual(['a sent']);
  });

  it('stands behind what was sent, and takes its place by the server’s time', () => {
    const state = stateAfter(written('a'), history(told('b', 40), told('c', 20)));
    expect(stands(state)).toEqual(['c sent', 'b sent', 'a waiting']);
    expect(stands(reduce(state, echo('a', 30)))).toEqual(['c sent', 'a sent', 'b sent']);
  });

  it('is lost where it was handed to a connection that broke, and the history does not have it', () => {
    expect(stands(stateAfter(written('a'), handed('a'), broken))).toEqual(['a sending']);
    expect(stands(stateAfter(written('a'), handed('a'), broken, history()))).toEqual(['a failed']);
    expect(stands(stateAfter(written('a'), handed('a'), broken, history(own('a', 30))))).toEqual(['a sent']);
  });

  it('is not lost where this connection has it still under way, or nobody has it yet', () => {
    expect(stands(stateAfter(written('a'), handed('a'), history()))).toEqual(['a sending']);
    expect(stands(stateAfter(written('a'), broken, history()))).toEqual(['a waiting']);
  });

  it('is looked up when its echo is late', () => {
    const late: Action = { type: 'doubted', key: LOBBY, id: 'a', now: 2 };
    expect(stands(stateAfter(written('a'), handed('a'), late, history()))).toEqual(['a failed']);
  });

  it('is sent after all when its echo comes late, and never fails afterwards', () => {
    const failed: Action = { type: 'failed', id: 'a', reason: 'why' };
    expect(stands(stateAfter(written('a'), failed))).toEqual(['a failed']);
    expect(stands(stateAfter(written('a'), failed, echo('a', 31)))).toEqual(['a sent']);
    expect(stands(stateAfter(written('a'), echo('a', 31), failed))).toEqual(['a sent']);
  });

  it('goes again under the same id, at the end; or is discarded', () => {
    const failed: Action = { type: 'failed', id: 'a', reason: 'why' };
    const both = stateAfter(written('a'), written('b'), failed);
    expect(stands(reduce(both, { type: 'again', key: LOBBY, id: 'a' }))).toEqual(['b waiting', 'a waiting']);
    expect(stands(reduce(both, { type: 'discarded', key: LOBBY, id: 'a' }))).toEqual(['b waiting']);
  });

  it('survives a reload as what has to be looked up', () => {
    const state = stateAfter(written('a'), written('b'), handed('b'), echo('b', 1), written('c'), {
      type: 'failed',
      id: 'c',
      reason: 'why',
    });
    const memory = JSON.parse(JSON.stringify(memoryOf(state)));
    const action: Action = { type: 'signed in', name: 'Ada', restored: restored(memory) };
    const again = [action, broken].reduce(reduce, initialState());
    expect(stands(again)).toEqual(['a sending', 'c failed']);
    expect(stands(reduce(again, history(own('b', 1))))).toEqual(['b sent', 'a failed', 'c failed']);
  });
});

describe('what others say', () => {
  const texts = (state: State): string[] => conversationOf(state, LOBBY).entries.map(({ from, id }) => `${from} ${id}`);
  const hears = (message: Told): Action => ({ type: 'told', key: LOBBY, message });

  it('takes the place of nothing, whatever token comes with it', () => {
    const before = stateAfter(written('a'), echo('b', 31), hears(told('c', 32)));
    const mischief = ['a', 'b', 'c', 'server-b'].map((token, n) =>
      hears({ ...told(`evil-${n}`, 40, 'Eve'), echo: token }),
    );
    const after = mischief.reduce(reduce, before);
    expect(texts(after)).toEqual([
      ...['Ada server-b', 'Grace c', 'Eve evil-0', 'Eve evil-1', 'Eve evil-2', 'Eve evil-3', 'Ada a'],
    ]);
  });

  it('can be neither rejected nor discarded under its id', () => {
    const state = stateAfter(hears(told('c', 32)));
    expect(stands(reduce(state, { type: 'failed', id: 'c', reason: 'why' }))).toEqual(['c sent']);
    expect(stands(reduce(state, { type: 'discarded', key: LOBBY, id: 'c' }))).toEqual(['c sent']);
  });
});

describe('people', () => {
  it('are the list that was told, with what changed since, in order', () => {
    const ada = { name: 'Ada', rooms: ['lobby'] };
    const zoe = { name: 'Zoe', rooms: [] };
    const people: Action = { type: 'people', people: [zoe, ada] };
    expect(stateAfter(people).people).toEqual([ada, zoe]);
    const lin = { name: 'Lin', rooms: ['lobby'] };
    const moved = { ...ada, rooms: ['garden'] };
    const presence: Action = { type: 'presence', changes: { changed: [lin, moved], gone: ['Zoe', 'Nobody'] } };
    expect(stateAfter(people, presence).people).toEqual([moved, lin]);
  });
});

describe('unread', () => {
  const heard = (id: string): Action => ({ type: 'told', key: 'room:garden', message: told(id, 1) });
  const unread = (state: State): number => conversationOf(state, 'room:garden').unread;

  it('counts what others say elsewhere, once, and what came while away', () => {
    expect(unread(stateAfter(heard('a'), heard('a'), heard('b')))).toBe(2);
    const past = (...ids: string[]): Action => ({
      type: 'history',
      key: 'room:garden',
      messages: ids.map((id, index) => told(id, index)),
    });
    expect(unread(stateAfter(past('a', 'b')))).toBe(0);
    expect(unread(stateAfter(past('a', 'b'), past('a', 'b', 'c')))).toBe(1);
  });

  it('is over once the reader looks', () => {
    expect(unread(stateAfter(heard('a'), { type: 'open', key: 'room:garden' }))).toBe(0);
    const away = stateAfter({ type: 'open', key: 'room:garden' }, { type: 'looking', isLooking: false }, heard('a'));
    expect(unread(away)).toBe(1);
    expect(unread(reduce(away, { type: 'looking', isLooking: true }))).toBe(0);
  });
});

describe('who types', () => {
  const types = (typing: boolean): Action => ({ type: 'typing', key: LOBBY, from: 'Grace', typing, now: 1_000 });
  const typists = (state: State): string[] => [...conversationOf(state, LOBBY).typing.keys()];

  it('is believed until told otherwise, until the message, or for a while', () => {
    expect(typists(stateAfter(types(true)))).toEqual(['Grace']);
    expect(typists(stateAfter(types(true), types(false)))).toEqual([]);
    expect(typists(stateAfter(types(true), { type: 'told', key: LOBBY, message: told('a', 1) }))).toEqual([]);
    expect(typists(stateAfter(types(true), { type: 'clock', now: 6_999 }))).toEqual(['Grace']);
    expect(typists(stateAfter(types(true), { type: 'clock', now: 7_000 }))).toEqual([]);
  });

  it('is told in words', () => {
    expect(typingWords([])).toBe('');
    expect(typingWords(['Ada'])).toBe('Ada is typing…');
    expect(typingWords(['Ada', 'Lin'])).toBe('Ada and Lin are typing…');
    expect(typingWords(['Ada', 'Lin', 'Sam'])).toBe('3 people are typing…');
  });
});

describe('the state of the connection', () => {
  const line = (status: State['line'], more: Partial<State> = {}) =>
    describeLine({ ...initialState(), line: status, ...more });

  it('has words, a colour, and what can be done', () => {
    expect(line({ status: 'authenticated' })).toEqual({ tone: 'ok', label: 'Connected' });
    expect(line({ status: 'connecting' }).label).toBe('Connecting');
    expect(line({ status: 'connecting' }, { life: 1 }).label).toBe('Reconnecting');
    expect(line({ status: 'authenticating' }).label).toBe('Signing in');
    expect(line({ status: 'waiting', retryAt: 5 })).toMatchObject({ action: 'Try now', retryAt: 5 });
    expect(line({ status: 'disconnected' }).action).toBe('Connect');
    const refused = line({ status: 'refused', code: 'revoked', message: 'Why.' });
    expect(refused).toEqual({ tone: 'bad', label: 'Signed out', detail: 'Why.', action: 'Sign in again' });
  });

  it('says offline where there is no connection, and degraded where there is one', () => {
    expect(line({ status: 'waiting', retryAt: 5 }, { isOnline: false }).label).toBe('Offline');
    expect(line({ status: 'authenticated' }, { isOnline: false }).label).toBe('Connected');
    const health = { degraded: true, message: 'Some.' };
    expect(line({ status: 'authenticated' }, { health })).toMatchObject({ tone: 'warn', detail: 'Some.' });
  });
});

describe('small things', () => {
  it('groups by day, sender and time', () => {
    const entries = [told('a', 0), told('b', 4), told('c', 10), told('d', 11, 'Ada')];
    const sent = entries.map((it): Entry => ({ ...it, delivery: 'sent' }));
    const [day] = grouped(sent, new Date(at(20)));
    expect(day?.label).toBe('Today');
    expect(day?.groups.map(({ entries: said }) => said.map(({ id }) => id).join(''))).toEqual(['ab', 'c', 'd']);
    expect(dayOf(at(0), new Date('2026-03-02T10:00:00Z'))).toBe('Yesterday');
  });

  it('reads the address, whatever stands there', () => {
    for (const key of ['room:lobby', 'person:Ada Lovelace', 'person:李 _-.'] as const) {
      expect(keyInHash(hashOf(key))).toBe(key);
    }
    for (const hash of ['', '#', '#/room/', '#/other/x', '#/person/%E0%A4%A']) expect(keyInHash(hash)).toBeUndefined();
  });

  it('takes initials from any script', () => {
    expect(initialsOf('Ada Lovelace')).toBe('AL');
    expect(initialsOf('grace')).toBe('G');
    expect(initialsOf('李')).toBe('李');
    expect(initialsOf('_')).not.toContain('undefined');
  });

  it('calls listeners once per tick', async () => {
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
