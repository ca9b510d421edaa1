import { EventEmitter } from 'node:events';
import { createServer } from 'node:http';
import { Duplex } from 'node:stream';
import { Server } from 'socket.io';
import { track } from './cleanup.js';

/** An engine.io connection with the private members that tests use. */
export interface TestConnection extends EventEmitter {
  readonly id: string;
  readonly readyState: string;
  readonly transport: EventEmitter & { readonly name: string; onRequest(request: object): void };
  write(data: string): void;
  flush(): void;
  _maybeUpgrade(transport: object): void;
}

/** An engine.io server whose only clients are the ones that a test creates in memory. */
export interface TestEngine extends EventEmitter {
  createTransport(name: string, request: object): EventEmitter;
  handshake(transport: string, request: object, refuse: () => void): Promise<unknown>;
}

/** The response to a poll; `body` is the answer. */
export class TestResponse extends EventEmitter {
  body: string | undefined;
  writableEnded = false;
  writeHead(): void {}
  end(body: string): void {
    this.body = body;
    this.writableEnded = true;
  }
}

export function startEngine(): TestEngine {
  const io = new Server(createServer());
  track({ stop: () => io.close() });
  return io.engine as unknown as TestEngine;
}

/** A poll request for engine.io. */
export function pollOf(response: TestResponse): object {
  const query = { EIO: '4', transport: 'polling' };
  return Object.assign(new EventEmitter(), {
    ...{ method: 'GET', url: '/?EIO=4&transport=polling', headers: {}, connection: {}, _query: query, res: response },
  });
}

/** A client that has just connected over polling. */
export async function connectPolling(engine: TestEngine): Promise<TestConnection> {
  const connecting = new Promise<TestConnection>((resolve) => engine.once('connection', resolve));
  await engine.handshake('polling', pollOf(new TestResponse()), () => {});
  return connecting;
}

/** The server's end of a TCP connection. `written` is its input; it accepts all of it while `takes` is true. */
export class TestStream extends Duplex {
  readonly written: string[] = [];
  takes = true;
  override _read(): void {}
  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.written.push(chunk.toString('latin1'));
    if (this.takes) done();
  }
}

/** Starts the upgrade to WebSocket; `finish()` sends the client's last upgrade packet. */
export function beginUpgrade(engine: TestEngine, connection: TestConnection) {
  const stream = new TestStream();
  const webSocket = Object.assign(new EventEmitter(), {
    ...{ readyState: 1, close() {}, terminate() {}, _socket: stream, _extensions: {}, _sender: { sendFrame() {} } },
  });
  const query = { EIO: '4', transport: 'websocket', sid: connection.id };
  const transport = engine.createTransport('websocket', { _query: query, websocket: webSocket });
  connection._maybeUpgrade(transport);
  transport.emit('packet', { type: 'ping', data: 'probe' });
  return { stream, finish: () => transport.emit('packet', { type: 'upgrade' }) };
}
