// npm test: node
// npm run test:matrix: newest-node
import { Adapter } from 'socket.io-adapter';
import { describe, expect, it } from 'vitest';
import { guardedAdapter } from '../../src/gate/guarded-adapter.js';
import { Membership } from '../../src/gate/membership.js';
import type { Fanout } from '../../src/ports/fanout.js';
import type { Report } from '../../src/server/reports.js';
import { AdapterOwner, type RoomSubscriber } from '../../src/socketio/adapter-owner.js';

const namespace = (sockets: Iterable<[string, object]> = []) =>
  ({ name: '/', server: { encoder: { encode: () => ['2["x"]'] } }, sockets: new Map(sockets) }) as never;

/** A subscriber that records its messages, with the rooms of the socket at that time. */
function listener(name: string, heard: string[], { sids }: Adapter): Required<RoomSubscriber> {
  const note = (event: string, id: string, rooms: Iterable<string>) =>
    void heard.push(`${name}: ${id} ${event} ${[...rooms]}, is in ${[...(sids.get(id) ?? ['none'])]}`);
  return {
    entered: (id, rooms) => note('entered', id, rooms),
    left: (id, room) => note('left', id, [room]),
    leftAll: (id, rooms) => note('left all of', id, rooms),
  };
}

function own(adapter = new Adapter(namespace())) {
  const failures: unknown[] = [];
  const owner = new AdapterOwner(adapter, (id, error) => failures.push([id, error]));
  return { adapter, owner, failures };
}

describe('the owner of an adapter', () => {
  it('notifies each subscriber of each change, in the order of subscription, after the adapter has changed', () => {
    const { adapter, owner } = own();
    const heard: string[] = [];
    for (const name of ['first', 'second']) owner.subscribe(listener(name, heard, adapter));
    adapter.addAll('a', new Set(['x', 'y']));
    adapter.del('a', 'x');
    adapter.delAll('a');
    expect(heard).toEqual([
      'first: a entered x,y, is in x,y',
      'second: a entered x,y, is in x,y',
      'first: a left x, is in y',
      'second: a left x, is in y',
      'first: a left all of y, is in none',
      'second: a left all of y, is in none',
    ]);
  });

  it('also notifies of a room that the socket was not in, and of a socket that was in no room', () => {
    const { adapter, owner } = own();
    const heard: string[] = [];
    owner.subscribe(listener('it', heard, adapter));
    adapter.del('a', 'x');
    adapter.delAll('a');
    expect(heard).toEqual(['it: a left x, is in none', 'it: a left all of , is in none']);
  });

  it('keeps an error of a subscriber from the caller and from later subscribers', () => {
    const { adapter, owner, failures } = own();
    const heard: string[] = [];
    const fail = () => {
      throw new Error('of a subscriber');
    };
    owner.subscribe({ entered: fail, left: fail, leftAll: fail });
    owner.subscribe(listener('it', heard, adapter));
    adapter.addAll('a', new Set(['x']));
    adapter.del('a', 'x');
    adapter.delAll('a');
    expect(heard).toHaveLength(3);
    expect(failures).toEqual(Array(3).fill(['a', new Error('of a subscriber')]));
  });

  it('notifies of a change during which a listener of the program threw, and rethrows its error', () => {
    const { adapter, owner } = own();
    const heard: string[] = [];
    owner.subscribe(listener('it', heard, adapter));
    const fail = () => {
      throw new Error('of the program');
    };
    adapter.addAll('a', new Set(['x']));
    adapter.on('leave-room', fail);
    expect(() => adapter.del('a', 'x')).toThrow('of the program');
    adapter.on('join-room', fail);
    expect(() => adapter.addAll('a', new Set(['y']))).toThrow('of the program');
    expect(heard.slice(1)).toEqual(['it: a left x, is in ', 'it: a entered y, is in y']);
  });

  it('asks its door about each entering socket, and does not notify of a refused one', () => {
    const { adapter, owner } = own();
    const heard: string[] = [];
    owner.subscribe(listener('it', heard, adapter));
    owner.setDoor({
      admits: (id) => id === 'guest',
      withheld: (id) => (id === 'guest' ? new Set(['closed']) : undefined),
      roomsOutside: (id) => (id === 'stranger' ? new Set(['kept']) : undefined),
    });
    adapter.addAll('stranger', new Set(['x']));
    adapter.addAll('guest', new Set(['x', 'closed']));
    expect(heard).toEqual(['it: guest entered x, is in x']);
    expect([adapter.socketRooms('stranger'), adapter.socketRooms('guest')]).toEqual([
      new Set(['kept']),
      new Set(['x']),
    ]);
    owner.enter('stranger', new Set(['x']));
    expect(adapter.rooms.get('x')).toEqual(new Set(['guest', 'stranger']));
  });

  it('notifies at once even if the adapter changes later, says until when, and returns its promise', async () => {
    let fail = (_: Error) => {};
    const promise = new Promise<void>((_, reject) => {
      fail = reject;
    });
    class Late extends Adapter {
      override addAll(): Promise<void> {
        return promise;
      }
    }
    const { adapter, owner } = own(new Late(namespace()));
    const heard: string[] = [];
    owner.subscribe(listener('it', heard, adapter));
    const joining = adapter.addAll('a', new Set(['x']));
    expect(heard).toEqual(['it: a entered x, is in none']);
    expect(owner.isChanging).toBe(true);
    fail(new Error('of the adapter'));
    await expect(joining).rejects.toThrow('of the adapter');
    expect(owner.isChanging).toBe(false);
  });
});

describe('a guarded adapter', () => {
  it('updates its recipient list first, then membership, and calls the program last', () => {
    const reached: string[] = [];
    const fanout = {
      prepare: () => 'frame',
      senderOf: () => undefined,
      deliver: ({ id }) => reached.push(id),
    } as Partial<Fanout> as Fanout;
    const reports: Report[] = [];
    const report = (one: Report) => reports.push(one);
    const target = { rooms: new Set(['x']), except: new Set<string>(), flags: {} };
    const make = guardedAdapter(undefined, { report, fanout, left: () => adapter.broadcast({}, target) });
    const adapter = make(namespace(['a', 'b', 'c', 'd'].map((id) => [id, { id, client: {} }])));
    const membership = Membership.of(adapter);
    for (const id of ['a', 'b', 'c', 'd']) {
      adapter.addAll(id, new Set([id]));
      membership?.admit(id, id === 'd' ? [] : ['x']);
    }
    adapter.broadcast({}, target);
    expect(reached.splice(0)).toEqual(['a', 'b', 'c']);
    // One member joins as another leaves, so only the event shows that the list is outdated.
    adapter.on('leave-room', () => adapter.rooms.get('x')?.add('d'));
    adapter.del('a', 'x');
    expect(reached.splice(0)).toEqual(['b', 'c', 'd']);
    adapter.addAll('stranger', new Set(['x', 'y']));
    adapter.del('stranger', 'x');
    expect(membership?.roomsOutside('stranger')).toEqual(new Set(['y']));
    expect(reports).toEqual([]);
  });

  it('is guarded once, even if its factory is guarded again', () => {
    const parts = { report: () => {} };
    const adapter = guardedAdapter(guardedAdapter(undefined, parts), parts)(namespace());
    adapter.addAll('a', new Set(['a']));
    expect(adapter.sids.has('a')).toBe(false);
    Membership.of(adapter)?.admit('a', []);
    expect(adapter.sids.has('a')).toBe(true);
  });
});
