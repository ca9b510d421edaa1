/** The events between the chat's server and its page. Both import this file. */

/** The path of Socket.IO, on the host of the page. */
export const SOCKET_PATH = '/io';

/** Most characters of a text, after trimming. */
export const MAX_TEXT = 2_000;

/** A text without a visible character, such as U+200B, U+2800 or U+3164. */
const BLANK = /^[\p{White_Space}\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}\u2800]*$/u;

/** Whether nobody would see this text. The page does not send such a message, and the server refuses it. */
export const isBlank = (text: string): boolean => BLANK.test(text);

/** Most characters of a name, after trimming. */
export const MAX_NAME = 24;

/** Most characters of the token by which a sender recognizes its own message. */
export const MAX_ECHO = 64;

/** The history keeps so many messages of a conversation. */
export const HISTORY_LENGTH = 50;

/** A room of the chat, by its short id. */
export interface Room {
  id: string;
  title: string;
  about: string;
}

/** The Socket.IO room of a chat room. Clients ask for it with `joinRooms`. */
export const roomName = (id: string): string => `room/${id}`;

/** The Socket.IO room of all sockets of one person. Only the server puts sockets into it. */
export const userRoomName = (name: string): string => `user/${name}`;

/** The id of the chat room of a Socket.IO room, or `undefined` for other rooms. */
export const roomIdOf = (name: string): string | undefined => (name.startsWith('room/') ? name.slice(5) : undefined);

/**
 * A message in a room. The server chooses `id`. Times are in ISO 8601. `echo` is a token that the sender chose, and only the
 * sender receives it.
 */
export interface Message {
  id: string;
  echo?: string | undefined;
  room: string;
  from: string;
  text: string;
  at: string;
}

/** A message to one person. `id` and `echo` are those of {@link Message}. */
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
 * `not_in_room`: the sender is not in that room. `away`: nobody with that name is online. `invalid`: a field is missing or
 * wrong. `too_fast`: too many messages, or too many new conversations, in a short time.
 */
export type RejectedCode = 'not_in_room' | 'away' | 'invalid' | 'too_fast';

/** `echo` is the sender's token. The server does not add a second message with the same token of the same sender. */
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

/** Changes of the list of people: new or changed entries, and the names that left. */
export interface Presence {
  changed: Person[];
  gone: string[];
}

/** Events from clients. */
export interface ClientEvents {
  say: (message: Say) => void;
  whisper: (message: WhisperRequest) => void;
  typing: (typing: TypingRequest) => void;
  history: (conversation: HistoryRequest) => void;
}

/** Events to clients. */
export interface ServerEvents {
  welcome: (welcome: Welcome) => void;
  message: (message: Message) => void;
  whisper: (whisper: Whisper) => void;
  rejected: (rejected: Rejected) => void;
  history: (history: ConversationHistory) => void;
  typing: (typing: Typing) => void;
  /** The whole list. A client receives it once, after authentication, and `presence` from then on. */
  people: (online: { people: Person[] }) => void;
  presence: (changes: Presence) => void;
  health: (health: { degraded: boolean; message: string }) => void;
  rooms: (mine: { rooms: string[] }) => void;
  notice: (notice: { text: string; at: string }) => void;
}

/** The answer to `POST /api/sign-in`. */
export interface SignedIn {
  name: string;
  /** For `POST /api/token`, which returns a new `token`, and for `POST /api/sign-out`. Valid for 12 hours. */
  login: string;
  /** For a connection. Valid for 10 minutes. */
  token: string;
}
