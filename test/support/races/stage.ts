import { AsyncLocalStorage } from 'node:async_hooks';
import { createServer } from 'node:http';
import type { Server } from 'socket.io';
import { MemoryNetwork } from '../../../src/backplane/memory/memory-network.js';
import { SHARED_NETWORK } from '../../../src/backplane/memory/shared-network.js';
import { type IOSocket, SocketIOServerHelper } from '../../../src/index.js';
import { RaceWire } from './wire.js';

export const AUTHENTICATE_TIMEOUT_MS = 10_000;
export const GUARD_TIMEOUT_MS = 5_000;
/** Turns of the event loop in which everything happens that needs no timer: a question to another instance, and its answer. */
const TURNS = 6;

/** A call of a function of the program that settles when the test says so. */
export interface ProgramCall {
  readonly kind: 'authenticate' | 'guard' | 'connected';
  readonly wire: string;
  readonly rooms: readonly string[];
  /** The event of a client that led to the call, however late: see `Stage.because()`. */
  readonly cause: unknown;
  settle(value: unknown): void;
  fail(error: Error): void;
}

export interface StageEvents {
  called(call: ProgramCall): void;
  /** A packet was handed to the transport of a client. */
  wrote(wire: string, packet: string): void;
  /** An event reached a handler of the program. */
  heard(wire: string): void;
}

/** Follows each event through the promises of an instance. */
const causes = new AsyncLocalStorage<unknown>();

/** Two instances of one process, without a network. The clients are wires that the test writes to. */
export class Stage {
  readonly helpers: readonly SocketIOServerHelper[];
  readonly network = new MemoryNetwork();
  readonly #wires = new Map<string, { readonly wire: RaceWire; readonly instance: number }>();
  readonly #events: StageEvents;

  constructor(events: StageEvents) {
    this.#events = events;
    this.helpers = [0, 1].map((index) => this.#createHelper(index));
  }

  async start(): Promise<void> {
    await Promise.all(this.helpers.map((helper) => helper.configure()));
  }

  /** A new connection to an instance, which asks for `/`. */
  connect(name: string, instance: number): void {
    const wire = new RaceWire(name, (packet) => this.#events.wrote(name, packet));
    const engine = this.io(instance).engine as unknown as EngineOfStage;
    engine.clients[name] = wire;
    wire.once('close', () => Reflect.deleteProperty(engine.clients, name));
    this.#wires.set(name, { wire, instance });
    engine.emit('connection', wire);
    wire.receive(`0${JSON.stringify({ wire: name })}`);
  }

  wire(name: string): RaceWire {
    const known = this.#wires.get(name);
    if (known === undefined) throw new Error(`There is no wire "${name}".`);
    return known.wire;
  }

  io(instance: number): Server {
    return this.helper(instance).getIOServer() as Server;
  }

  helper(instance: number): SocketIOServerHelper {
    const helper = this.helpers[instance];
    if (helper === undefined) throw new Error(`There is no instance ${instance}.`);
    return helper;
  }

  /** The session of a wire that has not ended. */
  socketOf(name: string): IOSocket | undefined {
    const known = this.#wires.get(name);
    if (known === undefined) return undefined;
    for (const { socket } of this.helper(known.instance).getClients().values()) {
      if (nameOf(socket.handshake.auth) === name) return socket;
    }
    return undefined;
  }

  /** All calls of the program that follow from `act` have this cause. */
  because(cause: unknown, act: () => void): void {
    causes.run(cause, act);
  }

  /** The rooms of the adapter that have this socket. */
  roomsOf(instance: number, id: string): readonly string[] {
    return [...(this.io(instance).sockets.adapter.sids.get(id) ?? [])];
  }

  #createHelper(index: number): SocketIOServerHelper {
    const { called, heard } = this.#events;
    const options = {
      runtime: 'node',
      server: createServer(),
      serverOptions: {},
      identifier: `races-${index}`,
      authenticateTimeout: AUTHENTICATE_TIMEOUT_MS,
      guardTimeout: GUARD_TIMEOUT_MS,
      logLevel: 'silent',
      [SHARED_NETWORK]: this.network,
      authenticateFn: ({ auth }: { auth: object }) => pending({ kind: 'authenticate', wire: nameOf(auth) }, called),
      validateRoomFn: ({ socket, rooms }: { socket: IOSocket; rooms: string[] }) =>
        pending({ kind: 'guard', wire: nameOf(socket.handshake.auth), rooms: [...rooms] }, called),
      clientConnectedFn: ({ socket }: { socket: IOSocket }) => {
        const wire = nameOf(socket.handshake.auth);
        socket.on('say', () => heard(wire));
        return pending({ kind: 'connected', wire }, called);
      },
    } as const;
    return new SocketIOServerHelper(options as unknown as ConstructorParameters<typeof SocketIOServerHelper>[0]);
  }
}

/** Until everything has happened that needs no timer. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
}

interface EngineOfStage {
  readonly clients: Record<string, unknown>;
  emit(event: 'connection', wire: RaceWire): boolean;
}

type Asked = Pick<ProgramCall, 'kind' | 'wire'> & Partial<Pick<ProgramCall, 'rooms'>>;

function pending<T>({ rooms = [], ...asked }: Asked, called: StageEvents['called']): Promise<T> {
  const cause = causes.getStore();
  return new Promise<T>((resolve, reject) => {
    called({ ...asked, rooms, cause, settle: (value) => resolve(value as T), fail: reject });
  });
}

function nameOf(auth: object): string {
  return String((auth as { wire?: unknown }).wire);
}
