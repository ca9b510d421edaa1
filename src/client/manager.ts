import { Manager, type Socket, type SocketOptions } from 'socket.io-client';
import { fieldsOf } from '../common/checks.js';
import { BackOff } from './back-off.js';
import type { Target } from './causes.js';
import { readHost } from './host.js';
import type { IOptions } from './options.js';
import { isSame } from './same.js';
import { checkSocketPacket, type SocketPacket } from './server-packets.js';
import { checkEnginePackets, cut, installBackOff, isOpen, isOpenOrOpening, onSocketPacket } from './socket-io.js';
import { forSocketIO } from './socket-options.js';

/** One namespace on a connection. */
export interface Member {
  readonly socket: Socket;
  /** An attempt to connect has begun. */
  attempting(): void;
  /** The server sent a packet that breaks the protocol. */
  dropped(): void;
  /** The page is visible again, or the network is back. */
  woken(): void;
}

interface Seat {
  readonly manager: SharedManager;
  readonly socket: Socket;
  readonly target: Target;
}

/** Options that can have credentials. */
const OF_THE_USER = ['query', 'extraHeaders'] as const;

/** Options of a namespace, not of its connection. */
const OF_THE_SOCKET = ['auth', 'ackTimeout', 'autoConnect', 'forceNew', 'multiplex'] as const;

/** A page that wakes up replaces an attempt that is older. */
const STALLED_MS = 1_500;

/** The connections that other namespaces may share, by server. */
const shared = new Map<string, Set<SharedManager>>();

/**
 * A connection that several helpers may share, one for each namespace. Socket.IO shares a connection among all sockets of the
 * program and uses the options of the first one. Here only helpers with the same options share one, and one namespace does
 * not affect the others.
 *
 * It also checks packets, so that a defective server can't end the program.
 */
export class SharedManager extends Manager {
  readonly backOff: BackOff;
  /** The given options, because Engine.IO writes into `opts`. */
  #options: IOptions;
  readonly #connects: boolean;
  readonly #members = new Set<Member>();
  readonly #sockets = new Map<string, Socket>();
  readonly #stopWaking: () => void;
  #hasDropped = false;
  #isEnding = false;
  /** When the present engine was made, by the clock that counts while a machine sleeps. */
  #madeAt = 0;

  /** `connects` says whether sockets that the program opens by itself connect immediately. */
  constructor(uri: string, options: IOptions, connects: boolean) {
    // Engine.IO would prefer the query of the address to the option, which `forgetCredentials()` clears.
    const [, address = uri, query] = /^([^?#]*)(?:\?([^#]*))?/.exec(uri) ?? [];
    const own = query === undefined ? options : { ...options, query };
    // A socket must not connect before the helper that owns it is complete.
    super(address, { ...forSocketIO(uri, own as IOptions), autoConnect: false });
    this.#options = options;
    this.#connects = connects;
    this.backOff = new BackOff({
      min: this.reconnectionDelay(),
      max: this.reconnectionDelayMax(),
      jitter: options.randomizationFactor,
    });
    installBackOff(this, this.backOff);
    onSocketPacket(this, (packet, namespace) => this.#isSound(packet, namespace));
    this.#stopWaking = whenPageWakes({
      online: () => this.#woken(),
      restored: () => {
        // Packets that came while the page was frozen are lost, and only the next heartbeat would show it.
        if (isOpen(this)) cut(this.engine);
        this.#woken();
      },
      shown: () => this.#tellWoken(),
    });
  }

  get members(): ReadonlySet<Member> {
    return this.#members;
  }

  /** Called by Socket.IO at the start of every attempt to connect. */
  override open(whenOpen?: (error?: Error) => void): this {
    const before: unknown = this.engine;
    super.open(whenOpen);
    if (this.engine === before) return this;
    this.#madeAt = Date.now();
    checkEnginePackets(this);
    this.#hasDropped = false;
    for (const member of this.#members) if (member.socket.active) member.attempting();
    return this;
  }

  /** Also for namespaces that a program opens by itself: they connect as they would on a Manager of Socket.IO. */
  override socket(namespace: string, options?: Partial<SocketOptions>): Socket {
    const socket = this.namespace(namespace, options);
    if (this.#connects && !socket.active) socket.connect();
    return socket;
  }

  /** The socket of a namespace, which does not connect automatically. */
  namespace(namespace: string, options?: Partial<SocketOptions>): Socket {
    const socket = super.socket(namespace, options);
    this.#sockets.set(namespace, socket);
    return socket;
  }

  /** Whether a helper with these options can have this namespace here. */
  fits(namespace: string, options: IOptions): boolean {
    return !this.#sockets.has(namespace) && isSame(this.#options, options);
  }

  join(member: Member): void {
    this.#members.add(member);
  }

  leave(member: Member): void {
    this.#members.delete(member);
    if (this.#members.size > 0) return;
    this.#stopWaking();
    for (const [server, managers] of shared) {
      managers.delete(this);
      if (managers.size === 0) shared.delete(server);
    }
  }

  /** Connects a namespace. Between two attempts the next one begins now, for all namespaces. */
  connectNow(socket: Socket): void {
    const waiting = isOpenOrOpening(this) ? [] : [...this.#sockets.values()].filter(({ active }) => active);
    // Socket.IO ends its own wait when the last namespace disconnects.
    for (const each of waiting) each.disconnect();
    for (const each of new Set([...waiting, socket])) each.connect();
  }

  /** New connections carry neither a query nor headers of the program. Returns true if the present one does. */
  forgetCredentials(): boolean {
    const { transportOptions } = this.opts;
    const perTransport = Object.entries(transportOptions ?? {}) as [string, object][];
    const isCarried = [this.opts, ...perTransport.map(([, each]) => each)].some(
      (each) => fieldsOf(each).query !== undefined || fieldsOf(each).extraHeaders !== undefined,
    );
    if (!isCarried) return false;
    // The parameters of Engine.IO are in the query of a transport, so an empty query per transport would replace them.
    const cleared = perTransport.map(([name, each]) => [name, without(each, OF_THE_USER)]);
    Object.assign(this.opts, { query: {}, extraHeaders: {}, transportOptions: Object.fromEntries(cleared) });
    this.#options = { ...this.#options, query: {}, extraHeaders: {} };
    return true;
  }

  /** Whether an attempt has led to nothing for some time. */
  get hasStalled(): boolean {
    if (!isOpenOrOpening(this) || [...this.#members].some(({ socket }) => socket.connected)) return false;
    return Math.abs(Date.now() - this.#madeAt) > STALLED_MS;
  }

  /** Ends a connection, and begins the next one now if a namespace wants it. */
  replace(): void {
    if (isOpenOrOpening(this)) cut(this.engine);
    this.wake();
  }

  /** Whether namespaces are told the end of the connection. After that, Socket.IO begins its own wait for the next attempt. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  whileEnding(tell: () => void): void {
    const before = this.#isEnding;
    this.#isEnding = true;
    tell();
    this.#isEnding = before;
  }

  /** Begins the next attempt now, if there is one. */
  wake(): void {
    if (this.#isEnding) {
      void Promise.resolve().then(() => this.wake());
      return;
    }
    if (isOpenOrOpening(this)) return;
    const [first] = [...this.#members].filter(({ socket }) => socket.active);
    if (first !== undefined && this.reconnection()) this.connectNow(first.socket);
  }

  /** Begins the next attempt now, unless the server has asked the client to wait. */
  #woken(): void {
    if (!this.backOff.isOrdered) this.wake();
    this.#tellWoken();
  }

  #tellWoken(): void {
    for (const member of this.#members) member.woken();
  }

  /** Reports only the first unsound packet, so that a server can't fill a log. */
  #isSound(packet: SocketPacket, namespace: string): boolean {
    const socket = this.#sockets.get(namespace);
    if (socket === undefined || checkSocketPacket(packet, socket.connected) === 'sound') return true;
    const isFirst = !this.#hasDropped;
    this.#hasDropped = true;
    if (isFirst) for (const member of this.#members) member.dropped();
    return false;
  }
}

/** A socket for the namespace of this host, on a shared connection if possible. It does not connect yet. */
export function takeSeat(host: string, options: IOptions): Seat {
  const { uri, server, origin, namespace } = readHost(host);
  const ofManager = without(options, OF_THE_SOCKET);
  const { auth, ackTimeout } = options;
  const ofSocket = { ...(auth === undefined ? {} : { auth }), ...(ackTimeout === undefined ? {} : { ackTimeout }) };
  const isShared = options.forceNew !== true && options.multiplex !== false;
  const managers = shared.get(server) ?? new Set();
  const fitting = [...managers].find((each) => isShared && each.fits(namespace, ofManager));
  const manager = fitting ?? new SharedManager(uri, ofManager, options.autoConnect !== false);
  if (isShared) shared.set(server, managers.add(manager));
  const target = { server: origin, namespace, path: options.path ?? '/socket.io', timeout: Number(manager.timeout()) };
  return { manager, socket: manager.namespace(namespace, ofSocket), target };
}

function without<T extends object>(options: T, names: readonly string[]): T {
  const copy = { ...options };
  for (const name of names) Reflect.deleteProperty(copy, name);
  return copy;
}

/** The part of a browser's `document` that is used. React Native has none. */
interface Document {
  readonly visibilityState?: string;
  addEventListener?(type: 'visibilitychange', listener: () => void): void;
  removeEventListener?(type: 'visibilitychange', listener: () => void): void;
}

/** The part of a browser's `window` that is used. Node.js has none. */
interface Window {
  readonly document?: Document;
  addEventListener?(type: 'online' | 'pageshow', listener: (event: { readonly persisted?: boolean }) => void): void;
  removeEventListener?(type: 'online' | 'pageshow', listener: (event: { readonly persisted?: boolean }) => void): void;
}

/**
 * In browsers, calls `online` when the network is back, `shown` when the page becomes visible, and `restored` when it comes from the
 * back-forward cache. Returns its own remover.
 * @see https://developer.mozilla.org/en-US/docs/Web/API/PageTransitionEvent/persisted
 */
function whenPageWakes({ online, restored, shown }: Record<'online' | 'restored' | 'shown', () => void>): () => void {
  const page = globalThis as Window;
  const { document } = page;
  const onVisibility = (): void => {
    if (document?.visibilityState === 'visible') shown();
  };
  const onPageShow = ({ persisted }: { readonly persisted?: boolean }): void => {
    if (persisted === true) restored();
  };
  page.addEventListener?.('online', online);
  page.addEventListener?.('pageshow', onPageShow);
  document?.addEventListener?.('visibilitychange', onVisibility);
  return () => {
    page.removeEventListener?.('online', online);
    page.removeEventListener?.('pageshow', onPageShow);
    document?.removeEventListener?.('visibilitychange', onVisibility);
  };
}
