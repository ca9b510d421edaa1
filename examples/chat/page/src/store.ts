import type { ISocketIOClientStatus } from 'roomgate/client';
import type { Person, Presence, Room, Welcome } from '../../contract.js';
import { withError, withStatus, withTransport } from './diagnostics.js';
import { changed, countNew, failed, type Told, withoutLost, withTold } from './entries.js';
import {
  type Conversation,
  conversationOf,
  type Entry,
  initialState,
  type Key,
  type Membership,
  type SeenPerson,
  type State,
  targetOf,
} from './state.js';

/** A person counts as typing for so long without a new notice, in milliseconds. */
const TYPING_MS = 6_000;
const MOST_NOTICES = 3;
/**
 * Milliseconds for which the page keeps a person that the server no longer lists. After a restart of the server all pages
 * reconnect within seconds, and nobody should disappear meanwhile.
 */
const GRACE_MS = 10_000;
const ORDER = new Intl.Collator();

/** All actions. */
export type Action =
  | {
      readonly type: 'signed in';
      readonly name: string;
      readonly login: string;
      readonly restored: ReadonlyMap<Key, readonly Entry[]>;
    }
  | { readonly type: 'signed in again'; readonly login: string }
  | { readonly type: 'signed out' }
  | { readonly type: 'line'; readonly line: ISocketIOClientStatus; readonly now: number }
  | {
      readonly type: 'transport';
      readonly name: string | undefined;
      readonly socketId: string | undefined;
      readonly now: number;
    }
  | { readonly type: 'error'; readonly message: string; readonly now: number }
  | { readonly type: 'let in' }
  | { readonly type: 'network'; readonly isOnline: boolean }
  | { readonly type: 'looking'; readonly isLooking: boolean }
  | { readonly type: 'rooms listed'; readonly rooms: readonly Room[] }
  | { readonly type: 'welcome'; readonly welcome: Welcome }
  | { readonly type: 'health'; readonly degraded: boolean; readonly message: string }
  | { readonly type: 'people'; readonly people: readonly Person[]; readonly now: number }
  | { readonly type: 'presence'; readonly changes: Presence; readonly now: number }
  | { readonly type: 'memberships'; readonly changes: ReadonlyMap<string, Membership> }
  | { readonly type: 'open'; readonly key: Key }
  | { readonly type: 'written'; readonly key: Key; readonly entry: Entry }
  | { readonly type: 'failed'; readonly id: string; readonly reason: string }
  | { readonly type: 'again'; readonly key: Key; readonly id: string }
  | { readonly type: 'discarded'; readonly key: Key; readonly id: string }
  | { readonly type: 'doubted'; readonly key: Key; readonly id: string }
  | { readonly type: 'told'; readonly key: Key; readonly message: Told }
  | { readonly type: 'history'; readonly key: Key; readonly messages: readonly Told[] }
  | {
      readonly type: 'typing';
      readonly key: Key;
      readonly from: string;
      readonly typing: boolean;
      readonly now: number;
    }
  | { readonly type: 'clock'; readonly now: number }
  | { readonly type: 'notice'; readonly text: string; readonly at: string; readonly isFromOperator: boolean }
  | { readonly type: 'notice read'; readonly id: number };

/** One step. The same state where nothing changed. */
export function reduce(state: State, action: Action): State {
  switch (action.type) {
    case 'signed in':
      return signedIn({ ...state, me: action.name, login: action.login }, action.restored);
    case 'signed in again':
      return { ...state, login: action.login };
    case 'signed out':
      return { ...initialState(), isOnline: state.isOnline, rooms: state.rooms };
    case 'line':
      return { ...state, line: action.line, diagnostics: withStatus(state.diagnostics, action.line, action.now) };
    case 'transport':
      return { ...state, diagnostics: withTransport(state.diagnostics, action) };
    case 'error':
      return { ...state, diagnostics: withError(state.diagnostics, action.message, action.now) };
    case 'let in':
      return { ...state, life: state.life + 1 };
    case 'network':
      return { ...state, isOnline: action.isOnline };
    case 'looking':
      return seen({ ...state, isLooking: action.isLooking });
    case 'rooms listed':
      return { ...state, rooms: action.rooms };
    case 'welcome': {
      const { instance, rooms, limits } = action.welcome;
      return { ...state, instance, rooms, maxText: limits.text };
    }
    case 'health':
      return { ...state, health: { degraded: action.degraded, message: action.message } };
    case 'people':
      return { ...state, people: withList(state.people, action.people, action.now) };
    case 'presence':
      return { ...state, people: withChanges(state.people, action.changes, action.now) };
    case 'memberships':
      return { ...state, memberships: new Map([...state.memberships, ...action.changes]) };
    case 'open':
      return seen({ ...state, open: action.key });
    case 'notice': {
      const { type: _, ...notice } = action;
      const id = (state.notices.at(-1)?.id ?? 0) + 1;
      return { ...state, notices: [...state.notices, { id, ...notice }].slice(-MOST_NOTICES) };
    }
    case 'notice read':
      return { ...state, notices: state.notices.filter(({ id }) => id !== action.id) };
    default:
      return reduceConversations(state, action);
  }
}

type ConversationAction = Extract<
  Action,
  {
    type: 'written' | 'failed' | 'again' | 'discarded' | 'doubted' | 'told' | 'history' | 'typing' | 'clock';
  }
>;

function reduceConversations(state: State, action: ConversationAction): State {
  switch (action.type) {
    case 'written':
      return inEntries(state, action.key, (entries) => [...entries, action.entry]);
    case 'failed':
      return everywhere(state, (entries) => changed(entries, action.id, (entry) => failed(entry, action.reason)));
    case 'again':
      return inEntries(state, action.key, (entries) => againIn(entries, action.id));
    case 'discarded':
      return inEntries(state, action.key, (entries) =>
        entries.filter(({ id, delivery }) => id !== action.id || delivery === 'sent'),
      );
    case 'doubted':
      return inEntries(state, action.key, (entries) =>
        changed(entries, action.id, (entry) => ({ ...entry, delivery: 'doubtful' })),
      );
    case 'told':
      return told(state, action.key, action.message);
    case 'history':
      return history(state, action.key, action.messages);
    case 'typing':
      return typing(state, action);
    case 'clock':
      return withoutLostPeople(withoutSilent(state, action.now), action.now);
  }
}

function signedIn(state: State, restored: ReadonlyMap<Key, readonly Entry[]>): State {
  let next = state;
  for (const [key, entries] of restored) next = inEntries(next, key, () => entries);
  return next;
}

/** The whole list. People who are missing in it stay for the grace time. */
function withList(before: readonly SeenPerson[], people: readonly Person[], now: number): readonly SeenPerson[] {
  const listed = new Set(people.map(({ name }) => name));
  const gone = before.map(({ name }) => name).filter((name) => !listed.has(name));
  return withChanges(before, { changed: [...people], gone }, now);
}

function withChanges(
  before: readonly SeenPerson[],
  { changed: news, gone }: Presence,
  now: number,
): readonly SeenPerson[] {
  const byName = new Map(before.map((person) => [person.name, person]));
  for (const name of gone) {
    const person = byName.get(name);
    if (person !== undefined) byName.set(name, { lostAt: now, ...person });
  }
  for (const person of news) byName.set(person.name, person);
  return [...byName.values()].sort((one, other) => ORDER.compare(one.name, other.name));
}

/** Nobody's grace time ends while there is no connection. */
function withoutLostPeople(state: State, now: number): State {
  const isOver = ({ lostAt = now }: SeenPerson): boolean => now - lostAt >= GRACE_MS;
  if (state.line.status !== 'authenticated' || !state.people.some(isOver)) return state;
  return { ...state, people: state.people.filter((person) => !isOver(person)) };
}

function told(state: State, key: Key, message: Told): State {
  return seen(
    inConversation(state, key, (conversation) => {
      const typing = new Map(conversation.typing);
      typing.delete(message.from);
      const unread = conversation.unread + countNew(conversation, [message], state.me);
      return { ...conversation, typing, unread, entries: withTold(conversation.entries, [message]) };
    }),
  );
}

/** New messages of a later history count as unread: they came while this page was disconnected. */
function history(state: State, key: Key, messages: readonly Told[]): State {
  return seen(
    inConversation(state, key, (conversation) => {
      const unread = conversation.isLoaded ? countNew(conversation, messages, state.me) : 0;
      const entries = withoutLost(withTold(conversation.entries, messages));
      return { ...conversation, entries, isLoaded: true, unread: conversation.unread + unread };
    }),
  );
}

function typing(state: State, { key, from, typing: isTyping, now }: Extract<Action, { type: 'typing' }>): State {
  // A stranger who types is not a conversation yet.
  if (targetOf(key).kind === 'person' && !state.conversations.has(key)) return state;
  return inConversation(state, key, (conversation) => {
    const next = new Map(conversation.typing);
    if (isTyping) next.set(from, now + TYPING_MS);
    else next.delete(from);
    return { ...conversation, typing: next };
  });
}

function withoutSilent(state: State, now: number): State {
  let next = state;
  for (const [key, { typing: typists }] of state.conversations) {
    const believed = new Map([...typists].filter(([, until]) => until > now));
    if (believed.size !== typists.size) next = inConversation(next, key, (it) => ({ ...it, typing: believed }));
  }
  return next;
}

/** Moves it to the end, because it is sent again now. */
function againIn(entries: readonly Entry[], id: string): readonly Entry[] {
  const entry = entries.find((it) => it.id === id);
  if (entry?.delivery !== 'failed') return entries;
  const { from, text, at } = entry;
  return [...entries.filter((it) => it !== entry), { id, from, text, at, delivery: 'sending' }];
}

function inConversation(state: State, key: Key, change: (conversation: Conversation) => Conversation): State {
  const before = conversationOf(state, key);
  const after = change(before);
  return after === before ? state : { ...state, conversations: new Map(state.conversations).set(key, after) };
}

function inEntries(state: State, key: Key, change: (entries: readonly Entry[]) => readonly Entry[]): State {
  return inConversation(state, key, (conversation) => {
    const entries = change(conversation.entries);
    return entries === conversation.entries ? conversation : { ...conversation, entries };
  });
}

function everywhere(state: State, change: (entries: readonly Entry[]) => readonly Entry[]): State {
  let next = state;
  for (const key of state.conversations.keys()) next = inEntries(next, key, change);
  return next;
}

/** The open conversation has no unread messages while its reader looks at it. */
function seen(state: State): State {
  if (!state.isLooking || conversationOf(state, state.open).unread === 0) return state;
  return inConversation(state, state.open, (conversation) => ({ ...conversation, unread: 0 }));
}

/** Holds the state, applies actions, and calls the listeners. */
export interface Store {
  readonly state: State;
  dispatch(action: Action): void;
  /** The listener is called at most once per tick, however much changed. Returns its own remover. */
  listen(listener: () => void): () => void;
}

export function createStore(first: State = initialState()): Store {
  let state = first;
  let isTelling = false;
  const listeners = new Set<() => void>();
  const tell = (): void => {
    isTelling = false;
    for (const listener of [...listeners]) listener();
  };
  return {
    get state() {
      return state;
    },
    dispatch: (action) => {
      const next = reduce(state, action);
      if (next === state) return;
      state = next;
      if (!isTelling) queueMicrotask(tell);
      isTelling = true;
    },
    listen: (listener) => {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}
