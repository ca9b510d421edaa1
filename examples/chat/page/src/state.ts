import type { ISocketIOClientStatus } from 'roomgate/client';
import type { Person, Room } from '../../words.js';

/** Rooms and people share one list of conversations: `room:lobby`, `person:Ada`. */
export type Key = `room:${string}` | `person:${string}`;

/**
 * `waiting`: for the connection. `sending`: handed over, its echo has not come. `sent`: the echo came. `failed`: it did not
 * arrive, and it is the writer's to say whether it goes again.
 */
export type Delivery = 'waiting' | 'sending' | 'sent' | 'failed';

export interface Entry {
  /** The server's once it was sent; this page's own token before. */
  readonly id: string;
  /** The token that it had before it was sent from here. */
  readonly echo?: string;
  readonly from: string;
  readonly text: string;
  /** ISO 8601; of the server once it was sent, of this page before. */
  readonly at: string;
  readonly delivery: Delivery;
  /** Why it failed, for its writer. */
  readonly reason?: string;
  /** The connection that it was handed to, and when in milliseconds since 1970. */
  readonly life?: number;
  readonly handedAt?: number;
}

export interface Conversation {
  /** In the order of the server's time; what was not sent yet stands at the end. */
  readonly entries: readonly Entry[];
  readonly unread: number;
  /** The server told of its past at least once. */
  readonly isLoaded: boolean;
  /** Who types, with the time at which that is no longer believed. */
  readonly typing: ReadonlyMap<string, number>;
}

/** `asking`: asked for, or to be asked for once there is a connection. */
export interface Membership {
  readonly state: 'out' | 'asking' | 'in' | 'refused';
  readonly reason?: string;
}

export interface Notice {
  readonly id: number;
  readonly text: string;
  readonly at: string;
}

export interface State {
  /** Undefined until somebody signs in. */
  readonly me: string | undefined;
  readonly line: ISocketIOClientStatus;
  /** What the browser says of the network. */
  readonly isOnline: boolean;
  readonly instance: string | undefined;
  readonly health: { readonly degraded: boolean; readonly message: string };
  readonly maxText: number;
  readonly rooms: readonly Room[];
  readonly memberships: ReadonlyMap<string, Membership>;
  readonly people: readonly Person[];
  readonly conversations: ReadonlyMap<Key, Conversation>;
  readonly open: Key;
  /** Whether the reader can see the open conversation. */
  readonly isLooking: boolean;
  readonly notices: readonly Notice[];
  /** Counts the connections that this client was let in on. */
  readonly life: number;
}

export const HOME: Key = 'room:lobby';

export const NOTHING_SAID: Conversation = { entries: [], unread: 0, isLoaded: false, typing: new Map() };

export const OUT: Membership = { state: 'out' };

export function initialState(): State {
  return {
    me: undefined,
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
  };
}

export const roomKey = (id: string): Key => `room:${id}`;
export const personKey = (name: string): Key => `person:${name}`;

/** What a key is about. */
export function targetOf(key: Key): { readonly kind: 'room' | 'person'; readonly name: string } {
  const isRoom = key.startsWith('room:');
  return { kind: isRoom ? 'room' : 'person', name: key.slice(isRoom ? 5 : 7) };
}

export const conversationOf = (state: State, key: Key): Conversation => state.conversations.get(key) ?? NOTHING_SAID;

export const membershipOf = (state: State, room: string): Membership => state.memberships.get(room) ?? OUT;

export const unreadOf = (state: State): number =>
  [...state.conversations.values()].reduce((sum, { unread }) => sum + unread, 0);
