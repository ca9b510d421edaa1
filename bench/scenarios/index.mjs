import chat from './chat.mjs';
import connect from './connect.mjs';
import fanOut from './fan-out.mjs';
import floods from './floods.mjs';
import { idle, idleUpgraded } from './idle.mjs';
import inbound from './inbound.mjs';
import keepAlive from './keep-alive.mjs';
import slowConsumer from './slow-consumer.mjs';
import smallRooms from './small-rooms.mjs';
import twoInstances from './two-instances.mjs';

export const scenarios = [
  fanOut,
  chat,
  inbound,
  smallRooms,
  connect,
  idle,
  idleUpgraded,
  keepAlive,
  twoInstances,
  slowConsumer,
  floods,
];
