import type { TEventsMap } from '../protocol/event-maps.js';

/*
 * The types of socket.io-client that the public types name. The package declares each class twice, for ES modules and for CommonJS,
 * and the two don't match. The declarations of Roomgate are CommonJS, in which the compiler would take the second ones. Nearly every
 * program imports the first ones.
 */

export type ManagerOptions = import('socket.io-client', { with: { 'resolution-mode': 'import' }}).ManagerOptions;
export type SocketOptions = import('socket.io-client', { with: { 'resolution-mode': 'import' }}).SocketOptions;
// biome-ignore format: the formatter makes of this line what it can't parse
export type Socket<Listen extends TEventsMap, Emit extends TEventsMap> =
  import('socket.io-client', { with: { 'resolution-mode': 'import' } }).Socket<Listen, Emit>;
