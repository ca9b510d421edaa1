// npm test: node
// npm run test:matrix: newest-node
import { Adapter } from 'socket.io-adapter';
import { describe, expect, it } from 'vitest';
import { RoomIndex } from '../../src/fanout/room-index.js';
import type { Recipient } from '../../src/ports/fanout.js';
import { AdapterOwner } from '../../src/socketio/adapter-owner.js';

type Listener = (...args: unknown[]) => void;

/** A socket that stores its outgoing listeners like Socket.IO: in methods of its class. */
class FakeRecipient implements Recipient {
  readonly client = { conn: {} as never };
  readonly listeners: Listener[] = [];
  constructor(readonly id: string) {}
  onAnyOutgoing(listener: Listener): this {
    this.listeners.push(listener);
    return this;
  }
  prependAnyOutgoing(listener: Listener): this {
    this.listeners.unshift(listener);
    return this;
  }
  listenersAnyOutgoing(): readonly Listener[] {
    return this.listeners;
  }
}

/** An adapter that changes its rooms asynchronously, like one that asks a database first. */
class LateAdapter extends Adapter {
  override async del(id: string, room: string): Promise<void> {
    await Promise.resolve();
    super.del(id, room);
  }
}

function house(...ids: string[]) {
  return houseOver(Adapter, ...ids);
}

function houseOver(Base: typeof Adapter, ...ids: string[]) {
  const sockets = new Map(ids.map((id) => [id, new FakeRecipient(id)]));
  const adapter = new Base({ name: '/', server: { encoder: {} }, sockets } as never);
  const owner = new AdapterOwner(adapter, () => {});
  const roomIndex = new RoomIndex(owner, sockets, ({ id }) => `sender of ${id}`);
  owner.subscribe(roomIndex);
  const join = (id: string, ...rooms: string[]) => void adapter.addAll(id, new Set(rooms));
  for (const id of ids) join(id, id, 'room');
  const idsOf = (room?: string) => roomIndex.of(room)?.sockets.map(({ id }) => id);
  return { sockets, adapter, roomIndex, join, idsOf };
}

describe('the recipient list of a broadcast', () => {
  it('contains all members of a room or namespace, with their senders', () => {
    const { roomIndex, idsOf, join } = house('a', 'b', 'c', 'd');
    for (const id of ['a', 'b', 'c']) join(id, 'some');
    expect(idsOf('some')).toEqual(['a', 'b', 'c']);
    expect(idsOf()).toEqual(['a', 'b', 'c', 'd']);
    expect(roomIndex.of('some')?.senders).toEqual(['sender of a', 'sender of b', 'sender of c']);
  });

  it('is reused until a socket joins or leaves', () => {
    const { adapter, roomIndex, join, idsOf, sockets } = house('a', 'b', 'c');
    const first = roomIndex.of('room');
    expect(roomIndex.of('room')).toBe(first);
    sockets.set('d', new FakeRecipient('d'));
    join('d', 'd', 'room');
    expect(idsOf('room')).toEqual(['a', 'b', 'c', 'd']);
    expect(idsOf()).toEqual(['a', 'b', 'c', 'd']);
    adapter.del('a', 'room');
    expect(idsOf('room')).toEqual(['b', 'c', 'd']);
    expect(idsOf()).toEqual(['a', 'b', 'c', 'd']);
    adapter.delAll('d');
    expect(idsOf()).toEqual(['a', 'b', 'c']);
  });

  it('is rebuilt if as many sockets leave as join', () => {
    const { adapter, join, idsOf } = house('a', 'b', 'c', 'd');
    adapter.del('d', 'room');
    expect(idsOf('room')).toEqual(['a', 'b', 'c']);
    adapter.del('a', 'room');
    join('d', 'room');
    expect(idsOf('room')).toEqual(['b', 'c', 'd']);
  });

  it('does not exist while a change is pending, so that a socket that left receives nothing', async () => {
    const { adapter, join, idsOf } = houseOver(LateAdapter, 'a', 'b', 'c', 'd');
    await adapter.del('d', 'room');
    expect(idsOf('room')).toEqual(['a', 'b', 'c']);
    const leaving = adapter.del('a', 'room');
    expect(idsOf('room')).toBeUndefined();
    join('d', 'room');
    await leaving;
    expect(idsOf('room')).toEqual(['b', 'c', 'd']);
  });

  it('is rebuilt even if a socket leaves without the adapter', () => {
    const { adapter, idsOf } = house('a', 'b', 'c', 'd');
    expect(idsOf('room')).toHaveLength(4);
    adapter.rooms.get('room')?.delete('b');
    expect(idsOf('room')).toEqual(['a', 'c', 'd']);
  });

  it('does not exist for few or no members, or if a member is not connected yet', () => {
    const { idsOf, join, sockets } = house('a', 'b', 'c');
    for (const id of ['a', 'b']) join(id, 'two');
    expect([idsOf('two'), idsOf('a'), idsOf('nobody')]).toEqual([undefined, undefined, undefined]);
    join('early', 'early', 'room');
    expect([idsOf('room'), idsOf()]).toEqual([undefined, undefined]);
    sockets.set('early', new FakeRecipient('early'));
    expect(idsOf('room')).toEqual(['a', 'b', 'c', 'early']);
  });

  it.each(['onAnyOutgoing', 'prependAnyOutgoing'] as const)(
    'notices that the program listens by %s, even later',
    (method) => {
      const { roomIndex, sockets } = house('a', 'b', 'c');
      expect(roomIndex.of('room')?.listens).toBe(false);
      const listener = () => {};
      expect(sockets.get('b')?.[method](listener)).toBe(sockets.get('b'));
      expect(sockets.get('b')?.listenersAnyOutgoing()).toEqual([listener]);
      expect([roomIndex.of('room')?.listens, roomIndex.of(undefined)?.listens]).toEqual([true, true]);
    },
  );

  it('assumes a listener if it cannot tell', () => {
    const { roomIndex, join, sockets } = house('a', 'b', 'c');
    sockets.set('own', Object.assign(new FakeRecipient('own'), { onAnyOutgoing: () => {} }) as never);
    join('own', 'own', 'room');
    expect(roomIndex.of('room')?.listens).toBe(true);
  });
});
