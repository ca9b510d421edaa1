import { vi } from 'vitest';
import type { Client } from './client.js';
import { ROOMS } from './model.js';
import type { Stage } from './stage.js';

type Fault = (text: string) => void;

/** Compares a client with what its instance has of it. */
export function compareClient(stage: Stage, client: Client, fault: Fault): void {
  const { wire, instance, state } = client;
  const helper = stage.helper(instance);
  const socket = stage.socketOf(wire);
  const isIn = socket !== undefined && helper.getClients().get(socket.id)?.state === 'authenticated';
  if (isIn !== (state === 'in')) fault(`${wire} is ${isIn ? '' : 'not '}authenticated`);
  const found = socket === undefined ? [] : stage.roomsOf(instance, socket.id);
  const rooms = found.filter((room) => ROOMS.includes(room)).sort();
  const wanted = state === 'in' ? [...client.rooms.keys()].sort() : [];
  if (rooms.join() !== wanted.join()) fault(`${wire} is in [${rooms}] instead of [${wanted}]`);
  if (socket === undefined || !isIn) return;
  const { user, expiresAt } = helper.getIdentity({ socket }) ?? {};
  if (user !== client.identity?.user || expiresAt !== client.identity?.expiresAt) {
    fault(`${wire} is ${user} up to ${expiresAt} instead of ${JSON.stringify(client.identity)}`);
  }
}

/** Nothing is left of the instances. `ids`: of all sockets. */
export function compareEnd(stage: Stage, ids: readonly string[], fault: Fault): void {
  for (const [index, helper] of stage.helpers.entries()) {
    const { adapter } = stage.io(index).sockets;
    const left = [helper.getClients().size, adapter.rooms.size, adapter.sids.size];
    if (left.some((size) => size > 0)) fault(`instance ${index} has clients, rooms, sockets: ${left}`);
    const known = ids.filter((id) => adapter.socketRooms(id) !== undefined);
    if (known.length > 0) fault(`instance ${index} keeps the rooms of ${known.length} sockets that have left`);
  }
  const timers = vi.getTimerCount();
  if (timers > 0) fault(`${timers} timers are left`);
}
