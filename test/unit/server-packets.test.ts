// npm test: node
// npm run test:matrix: newest-node
import { PacketType } from 'socket.io-parser';
import { expect, it } from 'vitest';
import { checkSocketPacket } from '../../src/client/server-packets.js';

it('an event of a server may have 10 000 arguments after its topic, and an acknowledgement as many', () => {
  const check = (type: PacketType, more: number) =>
    checkSocketPacket({ type, data: Array.from({ length: 10_000 + more }, () => 'x') }, true);
  expect([check(PacketType.EVENT, 1), check(PacketType.EVENT, 2)]).toEqual(['sound', 'unsound']);
  expect([check(PacketType.ACK, 0), check(PacketType.ACK, 1)]).toEqual(['sound', 'unsound']);
});
