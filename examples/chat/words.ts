/** The words and limits that the chat's server and its page share. */

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

/** The Socket.IO room of a chat room. Clients ask for it with `joinRooms`. */
export const roomName = (id: string): string => `room/${id}`;

/** The Socket.IO room of all sockets of one person. Only the server puts sockets into it. */
export const userRoomName = (name: string): string => `user/${name}`;

/** The id of the chat room of a Socket.IO room, or `undefined` for other rooms. */
export const roomIdOf = (name: string): string | undefined => (name.startsWith('room/') ? name.slice(5) : undefined);
