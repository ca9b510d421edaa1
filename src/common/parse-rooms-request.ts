import { ROOM_ERRORS } from '../protocol/errors.js';
import { type IRefusedRoom, refuseRoom } from '../protocol/messages.js';
import { isRecord } from './checks.js';
import { describe } from './describe.js';

export type ParsedRoomsRequest = { readonly rooms: readonly string[] } | { readonly refusal: IRefusedRoom };

/** Reads unknown input as a request for rooms. Returns its rooms, each once, or the exact reason why it is none. */
export function parseRoomsRequest(input: unknown, roomsPerRequest: number): ParsedRoomsRequest {
  const invalid = (found: string) => ({
    refusal: refuseRoom('', 'invalid_payload', `${ROOM_ERRORS.invalid_payload.text} Received: ${found}.`),
  });
  if (!isRecord(input)) return invalid(describe(input));
  const rooms: unknown = Object.hasOwn(input, 'rooms') ? input.rooms : undefined;
  if (!Array.isArray(rooms)) return invalid(`${describe(rooms)} as rooms`);
  if (rooms.length > roomsPerRequest) {
    const text = `${ROOM_ERRORS.too_many_rooms.text} Expected at most ${roomsPerRequest}, received ${rooms.length}.`;
    return { refusal: refuseRoom('', 'too_many_rooms', text) };
  }
  const stranger = rooms.findIndex((room) => typeof room !== 'string');
  if (stranger !== -1) return invalid(`${describe(rooms[stranger])} at rooms[${stranger}]`);
  return { rooms: [...new Set<string>(rooms)] };
}
