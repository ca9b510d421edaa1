/*
 * Values of Socket.IO's packages for every other folder. They are imported in this folder only, so that a change of a package
 * affects one place.
 */

export { Server, Socket } from 'socket.io';
export { Adapter, ClusterAdapter, MessageType } from 'socket.io-adapter';
export { Decoder, PacketType } from 'socket.io-parser';
