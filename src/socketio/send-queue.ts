import { isBytes } from '../common/is-bytes.js';
import type { Wire } from '../ports/wire.js';
import type { EngineConnection, EnginePacket, EngineTransport, PollResponse } from './engine-types.js';
import { bufferedBytes } from './web-sockets.js';

/*
 * The send queue of a connection of either engine. Queued packets are counted by the public events `packetCreate` and `flush`.
 * The functions here read private members. Each has a result for the case that an update has moved one.
 */

/** The type of a packet that was replaced; no engine queues a packet of this type. */
const REPLACED = 'noop';

/** Bytes that the transport has accepted and the peer has not read. */
export function unreadBytes(wire: Wire): number {
  const { transport }: EngineConnection = wire;
  return transport?.unread ?? bufferedBytes(wire);
}

/** The queued packets. Undefined if an update has moved them: then none is replaced. */
export function queuedPackets(wire: Wire): EnginePacket[] | undefined {
  const { writeBuffer }: EngineConnection = wire;
  return Array.isArray(writeBuffer) ? writeBuffer : undefined;
}

/** Drops all queued packets. Their callbacks run with the next packet that is sent, or never, as at the end of a connection. */
export function emptyQueue(wire: Wire): void {
  const packets = queuedPackets(wire);
  if (packets !== undefined) packets.length = 0;
}

/**
 * Runs `act` in the middle of a flush of the engine, which passes the queue to the transport right after it. Packets that `act` sends
 * are queued and go with it: the transport must not be used twice.
 */
export function whileQueueing(wire: Wire, act: () => void): void {
  const { transport }: EngineConnection = wire;
  if (transport !== undefined) transport.writable = false;
  try {
    act();
  } finally {
    if (transport !== undefined && wire.readyState !== 'closed') transport.writable = true;
  }
}

/** Empties a queued packet. It stays in the queue until `takeOutReplaced`. */
export function markReplaced(packet: EnginePacket): void {
  Object.assign(packet, { type: REPLACED, data: undefined, options: undefined });
}

export function takeOutReplaced(packets: EnginePacket[]): void {
  let kept = 0;
  for (const packet of packets) if (packet.type !== REPLACED) packets[kept++] = packet;
  packets.length = kept;
}

/** Bytes that a packet carries. */
export function sizeOf({ data, options }: EnginePacket): number {
  const frame = options?.wsPreEncodedFrame;
  if (frame !== undefined) return frame.reduce((sum, { length }) => sum + length, 0);
  if (typeof data === 'string') return Buffer.byteLength(data);
  return isBytes(data) ? data.byteLength : 0;
}

/** Responses to polls, as the ingress saw them, by connection: used only if transports do not keep theirs in `res`. */
const seenResponses = new WeakMap<Wire, PollResponse[]>();

/** Notes the response to a poll of this connection. */
export function noteResponse(wire: Wire, response: PollResponse): void {
  const open = (seenResponses.get(wire) ?? []).filter(({ writableEnded }) => writableEnded === false);
  seenResponses.set(wire, [...open, response]);
}

/** The response that the queue will be written to; undefined for a WebSocket. */
export function responseOf(wire: Wire): PollResponse | undefined {
  const { transport }: EngineConnection = wire;
  if (isResponse(transport?.res)) return transport.res;
  if (transport?.name !== 'polling') return undefined;
  // The oldest one that has not ended: a later poll may still be in middleware of the program.
  return seenResponses.get(wire)?.find(({ writableEnded }) => writableEnded !== true);
}

function isResponse(response: EngineTransport['res']): response is PollResponse {
  return typeof response?.once === 'function';
}
