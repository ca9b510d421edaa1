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
export interface IRoom {
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
export interface IMessage {
  id: string;
  echo?: string | undefined;
  room: string;
  from: string;
  text: string;
  at: string;
}

/** A message to one person; `id` and `echo` are as in {@link IMessage}. */
export interface IWhisper {
  id: string;
  echo?: string | undefined;
  from: string;
  to: string;
  text: string;
  at: string;
}

export interface IPerson {
  name: string;
  rooms: string[];
}

/**
 * `not_in_room`: the sender is not in that room. `away`: nobody of that name is online. `invalid`: a field is missing or wrong.
 * `too_fast`: too many messages, or too many new conversations, in a short time.
 */
export type TRejectedCode = 'not_in_room' | 'away' | 'invalid' | 'too_fast';

/** `echo` is the sender's token. A message with a token that the sender used already is not added again. */
export interface ISay {
  echo: string;
  room: string;
  text: string;
}

export interface IWhisperRequest {
  echo: string;
  to: string;
  text: string;
}

export type TTypingRequest = { room: string; typing: boolean } | { to: string; typing: boolean };

export type THistoryRequest = { room: string } | { person: string };

export interface IWelcome {
  name: string;
  instance: string;
  rooms: IRoom[];
  limits: { text: number };
}

export interface IRejected {
  echo: string;
  code: TRejectedCode;
  message: string;
}

/** The last messages of a conversation, oldest first. */
export type THistory = { room: string; messages: IMessage[] } | { person: string; messages: IWhisper[] };

export type TTyping = { room: string; from: string; typing: boolean } | { to: string; from: string; typing: boolean };

/** What changed in the list of people: new or changed entries, and the names that left. */
export interface IPresence {
  changed: IPerson[];
  gone: string[];
}

/** What a client emits. */
export interface IClientEvents {
  say: (message: ISay) => void;
  whisper: (message: IWhisperRequest) => void;
  typing: (typing: TTypingRequest) => void;
  history: (conversation: THistoryRequest) => void;
}

/** What a client hears. */
export interface IServerEvents {
  welcome: (welcome: IWelcome) => void;
  message: (message: IMessage) => void;
  whisper: (whisper: IWhisper) => void;
  rejected: (rejected: IRejected) => void;
  history: (history: THistory) => void;
  typing: (typing: TTyping) => void;
  /** The whole list. A client receives it once, when it is let in, and `presence` after that. */
  people: (online: { people: IPerson[] }) => void;
  presence: (changes: IPresence) => void;
  health: (health: { degraded: boolean; message: string }) => void;
  rooms: (mine: { rooms: string[] }) => void;
  notice: (notice: { text: string; at: string }) => void;
}

/** The answer to `POST /api/sign-in`. */
export interface ISignedIn {
  token: string;
  name: string;
}
