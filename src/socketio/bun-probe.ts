import { frameOf } from './bun-frames.js';
import type { BunConnection, BunTransport } from './bun-types.js';
import type { EnginePacket } from './engine-types.js';

/*
 * Tries the members of `@socket.io/bun-engine` that the fan-out uses, on a copy of the engine. If one is not as expected, every
 * message takes Socket.IO's own path.
 */

/** The part of an engine that is probed. */
export interface ProbedBunEngine {
  readonly opts: object;
  handleRequest(request: Request, server: unknown): Promise<unknown>;
}

interface Probed extends BunConnection {
  readonly writeBuffer: EnginePacket[];
  write(data: string): unknown;
}
interface ProbedTransport extends BunTransport {
  onOpen(socket: object): void;
}

/** A request for a WebSocket, as a client would make it. */
const HANDSHAKE = 'http://localhost/?EIO=4&transport=websocket';
/** Options whose functions of the program would be called for this request. */
const ASKING = ['cors', 'allowRequest', 'editHandshakeHeaders', 'editResponseHeaders'];
const SAMPLES: readonly EnginePacket[] = [
  { type: 'ping' },
  { type: 'pong', data: 'probe' },
  { type: 'message', data: 'text' },
  { type: 'message', data: new Uint8Array([1, 2]) },
  { type: 'noop' },
];

class Missing extends Error {}

function want(isThere: boolean, what: string): void {
  if (!isThere) throw new Missing(what);
}

/** Opens a connection without a peer. Resolves with the name of a missing member, or with an empty string. */
export async function probeBunEngine(engine: ProbedBunEngine): Promise<string> {
  let connection: Probed | undefined;
  try {
    const { transport, sent, clients } = await openTwin(engine);
    connection = [...clients.values()][0];
    want(transport !== undefined, 'the transport of a WebSocket');
    want(connection !== undefined, 'clients of the engine');
    probeTransport(transport as ProbedTransport, sent);
    probeConnection(connection as Probed, transport as ProbedTransport);
    return '';
  } catch (error) {
    return error instanceof Missing ? error.message : `a test connection failed: ${String(error)}`;
  } finally {
    connection?.close?.();
  }
}

/** Opens a connection on a copy of the engine, which emits no events to the program. */
async function openTwin(engine: ProbedBunEngine) {
  const sent: unknown[] = [];
  const clients = new Map<string, Probed>();
  const opts = { ...engine.opts, ...Object.fromEntries(ASKING.map((name) => [name, undefined])) };
  const twin = Object.create(engine, {
    opts: { value: opts },
    clients: { value: clients },
    emitReserved: { value: () => false },
  });
  let transport: ProbedTransport | undefined;
  const server = {
    upgrade: (_: Request, { data }: { data: { transport?: ProbedTransport } }) => {
      transport = data.transport;
      transport?.onOpen({
        readyState: 1,
        send: (message: unknown) => sent.push(message),
        close: () => sent.push('end'),
      });
      return true;
    },
  };
  // The method of the class, because that of the object may have been replaced by now.
  const { handleRequest } = Object.getPrototypeOf(engine) as ProbedBunEngine;
  await handleRequest.call(twin, new Request(HANDSHAKE, { headers: { upgrade: 'websocket' } }), server);
  return { transport, sent, clients };
}

function probeTransport(transport: ProbedTransport, sent: unknown[]): void {
  want(transport.name === 'websocket', 'name of a transport');
  want(transport.readyState === 'open', 'readyState of a transport');
  want(transport.writable === true, 'writable of a transport');
  want(typeof transport.socket === 'object', 'socket of a transport');
  want(String(sent.splice(0)[0]).startsWith('0{'), 'the open packet by send() of a transport');
  transport.send(SAMPLES);
  const asHere = SAMPLES.map(frameOf);
  want(
    sent.length === asHere.length && sent.every((it, at) => String(it) === String(asHere[at])),
    'send() of a transport',
  );
  transport.doClose();
  want(sent.at(-1) === 'end', 'doClose() of a transport');
}

/** Present listeners can be read, and new ones can be noticed by replacing `on()`. */
function probeListeners(connection: Probed): void {
  const heard: string[] = [];
  const { on } = connection;
  want(typeof on === 'function' && !Object.hasOwn(connection, 'on'), 'on() of a connection');
  connection.on = ((event: 'drain', listener: () => void) => {
    heard.push(event);
    return on.call(connection, event, listener);
  }) as Probed['on'];
  want(connection.listeners('drain').length === 0, 'listeners() of a connection');
  connection.once('drain', () => {});
  want(heard.join() === 'drain', 'once() by on() of a connection');
  want(connection.listeners('drain').length === 1, 'listeners() of a connection');
}

function probeConnection(connection: Probed, transport: ProbedTransport): void {
  const taken: unknown[] = [];
  transport.send = (packets) => taken.push(...packets.map(({ data }) => data));
  transport.doClose = () => taken.push('end');
  want(connection.readyState === 'open', 'readyState of a connection');
  want(connection.transport === transport, 'transport of a connection');
  probeListeners(connection);
  connection.write('now');
  want(taken.length === 1 && connection.writeBuffer.length === 0, 'a connection that sends by its transport');
  transport.writable = false;
  connection.write('later');
  want(taken.length === 1 && connection.writeBuffer.length === 1, 'writeBuffer of a connection');
  transport.writable = true;
  transport.emit('drain');
  want(taken.length === 2 && connection.writeBuffer.length === 0, 'a connection that continues after "drain"');
  connection.close();
  want(taken.length === 3 && connection.readyState === 'closed', 'a connection that closes its transport');
}
