import type { Room } from '../contract.js';
import { roomIdOf } from '../words.js';

export const ROOMS: readonly Room[] = [
  { id: 'lobby', title: 'Lobby', about: 'Everyone starts here.' },
  { id: 'garden', title: 'Garden', about: 'Plants, weather, and a bench in the shade.' },
  { id: 'workshop', title: 'Workshop', about: 'What you build, and what broke.' },
  { id: 'vault', title: 'Vault', about: 'A locked room, to show what a refusal looks like.' },
];

export function isRoom(id: string): boolean {
  return ROOMS.some((room) => room.id === id);
}

/** Whether everybody may join this room: each one but the vault. */
export function isPublic(id: string): boolean {
  return id !== 'vault' && isRoom(id);
}

/** The chat rooms that a socket is in, by their short ids. */
export function chatRoomsOf(rooms: Iterable<string>): string[] {
  return [...rooms]
    .map(roomIdOf)
    .filter((id) => id !== undefined)
    .sort();
}
