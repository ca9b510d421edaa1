/**
 * What the chat's server and its page say to each other. It imports nothing, so that both can have it.
 */

/** Where Socket.IO is, on the address that the page came from. */
export const SOCKET_PATH = '/io';

/** Characters of a text, after trimming. */
export const MAX_TEXT = 2_000;

/** Characters of a name, after trimming. */
export const MAX_NAME = 24;

/** Characters of the token by which a sender recognizes its own message. */
export const MAX_ECHO = 64;

/** How many messages of a conversation are remembered. */
export const HISTORY_LENGTH = 50;

/** A room of the chat, by its short id. */
export interface Room {
  id: string;
  title: string;
  about: string;
}

/** The Socket.IO room of a chat room; the client asks for it through `joinRooms`. */
export const roomName = (id: string): string => `room/${id}`;

/** The Socket.IO room of one person's sockets; only the server puts anybody into it. */
export const userRoomName = (name: string): string => `user/${name}`;

/** The chat room of a Socket.IO room; `undefined` where it is another kind of room. */
export const roomIdOf = (name: string): string | undefined => (name.startsWith('room/') ? name.slice(5) : undefined);

/**
 * A message in a room. The server chooses `id`. `at` is ISO 8601, like all times here. Only the sender receives `echo`, the
 * token that it chose itself.
 */
export interface Message {
  id: string;
  echo?: string | undefined;
  room: string;
  from: string;
  text: string;
  at: string;
}

/** A message to one person; `id` and `echo` are as in {@link Message}. */
export interface Whisper {
  id: string;
  echo?: string | undefined;
  from: string;
  to: string;
  text: string;
  at: string;
}

export interface Person {
  name: string;
  rooms: string[];
}

/**
 * `not_in_room`: the sender is not in that room. `away`: nobody of that name is online. `invalid`: a field is missing or wrong.
 * `too_fast`: too many messages, or too many new conversations, in a short time.
 */
export type RejectedCode = 'not_in_room' | 'away' | 'invalid' | 'too_fast';

/** `echo` is the sender's token. A message with a token that the sender used already is not added again. */
export interface Say {
  echo: string;
  room: string;
  text: string;
}

export interface WhisperRequest {
  echo: string;
  to: string;
  text: string;
}

export type TypingRequest = { room: string; typing: boolean } | { to: string; typing: boolean };

export type HistoryRequest = { room: string } | { person: string };

export interface Welcome {
  name: string;
  instance: string;
  rooms: Room[];
  limits: { text: number };
}

export interface Rejected {
  echo: string;
  code: RejectedCode;
  message: string;
}

/** The last messages of a conversation, oldest first. */
export type ConversationHistory = { room: string; messages: Message[] } | { person: string; messages: Whisper[] };

export type Typing = { room: string; from: string; typing: boolean } | { to: string; from: string; typing: boolean };

/** What changed in the list of people: new or changed entries, and the names that left. */
export interface Presence {
  changed: Person[];
  gone: string[];
}

/** What a client emits. */
export interface ClientEvents {
  say: (message: Say) => void;
  whisper: (message: WhisperRequest) => void;
  typing: (typing: TypingRequest) => void;
  history: (conversation: HistoryRequest) => void;
}

/** What a client hears. */
export interface ServerEvents {
  welcome: (welcome: Welcome) => void;
  message: (message: Message) => void;
  whisper: (whisper: Whisper) => void;
  rejected: (rejected: Rejected) => void;
  history: (history: ConversationHistory) => void;
  typing: (typing: Typing) => void;
  /** The whole list. A client receives it once, when it is let in, and `presence` after that. */
  people: (online: { people: Person[] }) => void;
  presence: (changes: Presence) => void;
  health: (health: { degraded: boolean; message: string }) => void;
  rooms: (mine: { rooms: string[] }) => void;
  notice: (notice: { text: string; at: string }) => void;
}

/** The answer to `POST /api/sign-in`. */
export interface SignedIn {
  token: string;
  name: string;
}
