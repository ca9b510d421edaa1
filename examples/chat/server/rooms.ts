import { type Room, roomIdOf } from '../words.js';

export const ROOMS: readonly Room[] = [
  { id: 'lobby', title: 'Lobby', about: 'Everybody begins here.' },
  { id: 'garden', title: 'Garden', about: 'Plants, weather, and a bench in the shade.' },
  { id: 'workshop', title: 'Workshop', about: 'What you build, and what broke.' },
  { id: 'vault', title: 'Vault', about: 'Closed. It is here to show what a refusal looks like.' },
];

const CLOSED = 'vault';

export function isRoom(id: string): boolean {
  return ROOMS.some((room) => room.id === id);
}

/** Whether a client that asks for this Socket.IO room gets in. The rooms of persons (`user/…`) are given by the server only. */
export function isOpen(room: string): boolean {
  const id = roomIdOf(room);
  return id !== undefined && id !== CLOSED && isRoom(id);
}

/** Of all Socket.IO rooms of a socket, the chat's, by their short ids. */
export function chatRoomsOf(rooms: Iterable<string>): string[] {
  return [...rooms]
    .map(roomIdOf)
    .filter((id) => id !== undefined)
    .sort();
}
