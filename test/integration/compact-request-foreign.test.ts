// npm test: node
// npm run test:matrix: newest-node
import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { EngineConnection, ListeningConnection } from '../../src/socketio/engine-types.js';
import { IdleConnections } from '../../src/socketio/idle-connections.js';
import type { UpgradeHandler } from '../../src/socketio/upgrade-responses.js';

/** An engine that handles an upgrade like engine.io, or with a difference. */
class Engine implements UpgradeHandler {
  done = 0;

  constructor(readonly listen: (socket: EventEmitter, response: EventEmitter) => void) {}

  handleUpgrade(request: object, socket: EventEmitter): void {
    const response = Object.assign(new EventEmitter(), { socket });
    this.listen(socket, response);
    this._applyMiddlewares(request, response, () => this.done++);
  }

  _applyMiddlewares(_request: object, _response: object, done: () => void): void {
    done();
  }
}

const asKnown = (socket: EventEmitter, response: EventEmitter): void => {
  socket.once('close', () => response.emit('close'));
};

const EVENTS = ['error', 'ready', 'packet', 'drain', 'close'];

/** A connection that listens to its transport like engine.io's, or with a difference. */
class Connection extends EventEmitter implements EngineConnection {
  request: unknown = undefined;
  readonly readyState = 'open';
  readonly upgrading = false;
  readonly transport: ListeningConnection['transport'];
  cleanupFn: (() => void)[] = [];
  readonly events: string[] = [];

  constructor(socket: object = {}) {
    super();
    this.transport = Object.assign(new EventEmitter(), { name: 'websocket', socket });
  }

  close(): void {}
  write(): void {}

  setTransport(transport: EventEmitter): void {
    const listeners: Record<string, (arg: unknown) => void> = {
      error: (error) => this.onError(error),
      ready: () => this.flush(),
      packet: (packet) => this.onPacket(packet),
      drain: () => this.onDrain(),
      close: () => this.onClose('transport close'),
    };
    for (const event of EVENTS) transport.on(event, listeners[event] as () => void);
    this.cleanupFn.push(() => {
      for (const event of EVENTS) transport.off(event, listeners[event] as () => void);
    });
  }

  onError(error: unknown): void {
    this.events.push(`error ${error}`);
  }
  onPacket(packet: unknown): void {
    this.events.push(`packet ${packet}`);
  }
  onDrain(): void {
    this.events.push('drain');
  }
  onClose(reason: string): void {
    this.events.push(reason);
  }
  flush(): void {
    this.events.push('flush');
  }
}

/** The listeners of its transport before and after authentication, and the events that reach the connection then. */
function settled(connection: Connection): { before: unknown[]; after: unknown[] } {
  connection.setTransport(connection.transport);
  const listeners = () => EVENTS.flatMap((event) => connection.transport.rawListeners(event));
  const before = listeners();
  new IdleConnections(new Engine(asKnown)).compact(connection);
  const after = listeners();
  for (const event of EVENTS) connection.transport.emit(event, event);
  expect(connection.events).toEqual(['error error', 'flush', 'packet packet', 'drain', 'transport close']);
  return { before, after };
}

describe('an engine that handles upgrades', () => {
  it('as expected loses only the listener of its response once the client is authenticated', () => {
    const engine = new Engine(asKnown);
    const idle = new IdleConnections(engine);
    const stream = new EventEmitter().on('close', () => {});
    engine.handleUpgrade({}, stream);
    expect(engine.done).toBe(1);
    expect(stream.listenerCount('close')).toBe(2);
    idle.compact(new Connection({ _socket: stream }));
    expect(stream.listenerCount('close')).toBe(1);
  });

  it('as expected loses that listener at once without middleware', () => {
    const engine = Object.assign(new Engine(asKnown), { middlewares: [] });
    new IdleConnections(engine);
    const stream = new EventEmitter().on('close', () => {});
    engine.handleUpgrade({}, stream);
    expect(engine.done).toBe(1);
    expect(stream.listenerCount('close')).toBe(1);
  });

  it.each<[string, Engine['listen']]>([
    ['with a listener that does more', (socket, response) => socket.once('close', () => response.emit('finish'))],
    ['with one more listener', (socket) => socket.on('close', () => {}).on('close', () => {})],
    [
      'with a listener of another event',
      (socket, response) =>
        asKnown(
          socket.on('end', () => {}),
          response,
        ),
    ],
    ['without any', () => {}],
    [
      'by throwing',
      () => {
        throw new Error('an upgrade');
      },
    ],
  ])('%s is left alone', (_, listen) => {
    const engine = new Engine(listen);
    new IdleConnections(engine);
    expect(Object.hasOwn(engine, '_applyMiddlewares')).toBe(false);
    expect(engine.done).toBe(0);
  });

  it.each([undefined, {}, { handleUpgrade: () => {} }])('in an unknown way is left alone: %o', (engine) => {
    expect(() => new IdleConnections(engine as never)).not.toThrow();
  });
});

describe('a connection that listens to its transport', () => {
  it('uses shared listeners in the known form', () => {
    const [one, two] = [settled(new Connection()), settled(new Connection())];
    expect(one.after).toEqual(two.after);
    expect(one.after).toHaveLength(EVENTS.length);
    expect(one.before).not.toEqual(two.before);
  });

  it.each<[string, (transport: EventEmitter, connection: Connection) => void]>([
    ['to one more event', (transport) => transport.on('more', () => {})],
    [
      'to one more event for as long as to the others',
      (transport, connection) => {
        const more = () => {};
        transport.on('more', more);
        const [stop] = connection.cleanupFn.splice(0);
        connection.cleanupFn.push(() => {
          stop?.();
          transport.off('more', more);
        });
      },
    ],
    ['to one of them with one more listener', (transport) => transport.on('drain', () => {})],
    ['and takes two steps to stop', (_, connection) => connection.cleanupFn.push(() => {})],
    ['to a transport that must be more than that', (transport) => (transport as unknown as { more(): void }).more()],
  ])('%s is left alone', (_, alter) => {
    class Other extends Connection {
      override setTransport(transport: EventEmitter): void {
        super.setTransport(transport);
        alter(Object.assign(transport, transport === this.transport ? { more() {} } : {}), this);
      }
    }
    const { before, after } = settled(new Other());
    expect(after).toEqual(before);
  });

  it('ignores events of a transport that it has left', () => {
    const connection = new Connection();
    connection.setTransport(connection.transport);
    const { transport: left } = connection;
    new IdleConnections(new Engine(asKnown)).compact(connection);
    Object.assign(connection, { transport: Object.assign(new EventEmitter(), { name: 'websocket' }) });
    for (const event of EVENTS) left.emit(event, event);
    expect(connection.events).toEqual([]);
  });
});
