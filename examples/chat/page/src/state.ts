import type { ISocketIOClientStatus } from 'roomgate/client';
import type { Person, Room } from '../../contract.js';

/** Rooms and people share one list of conversations: `room:lobby`, `person:Ada`. */
export type Key = `room:${string}` | `person:${string}`;

/**
 * `sending`: without an answer yet. `doubtful`: there will be no answer, and the history shows whether it arrived. `sent`: the
 * server has it. `failed`: it did not arrive, and the writer decides whether to send it again.
 */
export type Delivery = 'sending' | 'doubtful' | 'sent' | 'failed';

export interface Entry {
  /** This page's own token until the message is sent, then the server's id. */
  readonly id: string;
  /** The token of a message that was sent from here. */
  readonly echo?: string;
  readonly from: string;
  readonly text: string;
  /** ISO 8601: this page's time until the message is sent, then the server's. */
  readonly at: string;
  readonly delivery: Delivery;
  /** Why it failed, for its writer. */
  readonly reason?: string;
}

export interface Conversation {
  /** By the server's time. Messages that are not sent yet come last. */
  readonly entries: readonly Entry[];
  readonly unread: number;
  /** Whether its history was received at least once. */
  readonly isLoaded: boolean;
  /** The people who are typing, each with the time until which that counts. */
  readonly typing: ReadonlyMap<string, number>;
}

/** `asking`: the request is under way, or waits for the connection. */
export interface Membership {
  readonly state: 'out' | 'asking' | 'in' | 'refused';
  readonly reason?: string;
}

/** `lostAt`: when the server stopped listing this person. The page keeps the entry for a short time after that. */
export interface SeenPerson extends Person {
  readonly lostAt?: number;
}

/** One line of the developer panel. `at` is in milliseconds since 1970. */
export interface Happening {
  readonly id: number;
  readonly at: number;
  readonly what: string;
  readonly detail?: string | undefined;
}

/** The data of the developer panel. */
export interface Diagnostics {
  readonly transport: string | undefined;
  readonly socketId: string | undefined;
  /** The newest comes first, in both. */
  readonly history: readonly Happening[];
  readonly errors: readonly Happening[];
}

export interface Notice {
  readonly id: number;
  /** Whether an operator sent it; else it is about this page's own connection. */
  readonly isFromOperator: boolean;
  readonly text: string;
  readonly at: string;
}

export interface State {
  /** Undefined until somebody signs in. */
  readonly me: string | undefined;
  /** The token of the login, which gives the tokens for connections. */
  readonly login: string | undefined;
  readonly line: ISocketIOClientStatus;
  /** Whether the browser has a network. */
  readonly isOnline: boolean;
  readonly instance: string | undefined;
  readonly health: { readonly degraded: boolean; readonly message: string };
  readonly maxText: number;
  readonly rooms: readonly Room[];
  readonly memberships: ReadonlyMap<string, Membership>;
  readonly people: readonly SeenPerson[];
  readonly conversations: ReadonlyMap<Key, Conversation>;
  readonly open: Key;
  /** Whether the window is visible. */
  readonly isLooking: boolean;
  readonly notices: readonly Notice[];
  /** How many connections were authenticated so far. */
  readonly life: number;
  readonly diagnostics: Diagnostics;
}

export const HOME: Key = 'room:lobby';

export const NOTHING_SAID: Conversation = { entries: [], unread: 0, isLoaded: false, typing: new Map() };

export const OUT: Membership = { state: 'out' };

export function initialState(): State {
  return {
    me: undefined,
    login: undefined,
    line: { status: 'disconnected' },
    isOnline: true,
    instance: undefined,
    health: { degraded: false, message: '' },
    maxText: 2_000,
    rooms: [],
    memberships: new Map(),
    people: [],
    conversations: new Map(),
    open: HOME,
    isLooking: true,
    notices: [],
    life: 0,
    diagnostics: { transport: undefined, socketId: undefined, history: [], errors: [] },
  };
}

export const roomKey = (id: string): Key => `room:${id}`;
export const personKey = (name: string): Key => `person:${name}`;

/** The kind and the name in a key. */
export function targetOf(key: Key): { readonly kind: 'room' | 'person'; readonly name: string } {
  const isRoom = key.startsWith('room:');
  return { kind: isRoom ? 'room' : 'person', name: key.slice(isRoom ? 5 : 7) };
}

export const conversationOf = (state: State, key: Key): Conversation => state.conversations.get(key) ?? NOTHING_SAID;

export const membershipOf = (state: State, room: string): Membership => state.memberships.get(room) ?? OUT;

export const unreadOf = (state: State): number =>
  [...state.conversations.values()].reduce((sum, { unread }) => sum + unread, 0);

/** The people in the latest list of the server. */
export const onlineIn = ({ people }: State): readonly SeenPerson[] =>
  people.filter(({ lostAt }) => lostAt === undefined);

export const titleOf = (state: State, key: Key): string => {
  const { kind, name } = targetOf(key);
  return kind === 'person' ? name : (state.rooms.find(({ id }) => id === name)?.title ?? name);
};
