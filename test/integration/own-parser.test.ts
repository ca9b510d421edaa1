// npm test: node
// npm run test:matrix: newest-node
import { EventEmitter } from 'node:events';
import { io } from 'socket.io-client';
import { expect, it } from 'vitest';
import { defer } from '../support/cleanup.js';
import { nextEvent, within } from '../support/facts.js';
import { rawWebSocket } from '../support/raw.js';
import { startServer } from '../support/server.js';

/** Packets as plain JSON: they begin with "{" instead of the number of their type. */
class Encoder {
  encode(packet: object): string[] {
    return [JSON.stringify(packet)];
  }
}
class Decoder extends EventEmitter {
  add(text: string): void {
    this.emit('decoded', JSON.parse(text));
  }
  destroy(): void {}
}
const parser = { Encoder, Decoder };
const CONNECT = '4{"type":0,"nsp":"/","data":{}}';

it('with the program’s own parser, one connection makes one client, however often it sends CONNECT at once', async () => {
  const { url, helper, log } = await startServer({ authenticateFn: () => true, serverOptions: { parser } });
  const client = io(url, { parser, transports: ['websocket'] });
  defer(() => client.disconnect());
  client.emit('authenticate');
  await nextEvent(client, 'authenticated');

  const attacker = await rawWebSocket(url);
  for (let times = 0; times < 3; times++) attacker.send(CONNECT);
  await within(attacker.closed, 'the end of the connection');
  expect(log.lines.filter((line) => line.endsWith(' connected'))).toHaveLength(2);
  expect([...helper.getClients().keys()]).toEqual([client.id]);
});
