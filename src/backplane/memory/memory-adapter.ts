import type { BroadcastOptions, ClusterMessage, ClusterResponse } from 'socket.io-adapter';
import type { Reporter } from '../../ports/reports.js';
import { Adapter, ClusterAdapter, MessageType } from '../../socketio/packages.js';
import { PARSER } from '../parser.js';
import type { BackplaneReport } from '../reports.js';
import type { ChannelHandler, MemoryMember } from './memory-network.js';

type AdapterNamespace = ConstructorParameters<typeof Adapter>[0];

/** The adapter for Redis sends these as JSON and all others as MessagePack. The encodings here must change values in the same way. */
const AS_JSON: ReadonlySet<MessageType> = new Set([
  MessageType.FETCH_SOCKETS_RESPONSE,
  MessageType.SERVER_SIDE_EMIT,
  MessageType.SERVER_SIDE_EMIT_RESPONSE,
]);
const JSON_START = 0x7b;

/** The adapter of one namespace, for an instance of a `MemoryNetwork`. */
export class MemoryAdapter extends ClusterAdapter {
  readonly #member: MemoryMember;
  readonly #report: Reporter<BackplaneReport>;
  readonly #channel: string;
  readonly #hear: ChannelHandler = (message) => this.#receive(message);

  constructor(namespace: AdapterNamespace, member: MemoryMember, report: Reporter<BackplaneReport>) {
    super(namespace);
    this.#member = member;
    this.#report = report;
    this.#channel = `namespace:${namespace.name}`;
    for (const channel of [this.#channel, answersTo(this.uid)]) member.subscribe(channel, this.#hear);
  }

  override close(): void {
    for (const channel of [this.#channel, answersTo(this.uid)]) this.#member.unsubscribe(channel, this.#hear);
  }

  /**
   * Sends to this instance's own sockets before it returns, and throws to the caller. `ClusterAdapter` sends one microtask
   * later, after messages that the program sends to single sockets next.
   */
  override broadcast(packet: unknown, opts: BroadcastOptions): Promise<void> {
    if (opts.flags?.local !== true) {
      const target = { rooms: [...opts.rooms], except: [...(opts.except ?? [])], flags: { ...opts.flags } };
      this.#publish({ type: MessageType.BROADCAST, data: { packet, opts: target }, uid: this.uid, nsp: this.nsp.name });
    }
    Adapter.prototype.broadcast.call(this, packet, opts);
    return Promise.resolve();
  }

  override async fetchSockets(opts: BroadcastOptions): Promise<unknown[]> {
    if (this.#member.isAway && opts.flags?.local !== true) throw new Error('The network is unreachable.');
    return super.fetchSockets(opts);
  }

  override serverSideEmit(packet: unknown[]): Promise<unknown> {
    // Throws to the caller, where `ClusterAdapter` returns a rejection that Socket.IO drops.
    JSON.stringify(packet);
    return super.serverSideEmit(packet);
  }

  override async serverCount(): Promise<number> {
    return 1 + this.#member.countSubscribers(this.#channel);
  }

  protected override async doPublish(message: ClusterMessage): Promise<string> {
    this.#publish(message);
    return '';
  }

  protected override async doPublishResponse(requesterUid: string, response: ClusterResponse): Promise<void> {
    this.#member.publish(answersTo(requesterUid), encode(response));
  }

  #publish(message: ClusterMessage): void {
    this.#member.publish(this.#channel, encode(message));
  }

  #receive(bytes: Buffer): void {
    const message = decode(bytes);
    try {
      this.onMessage(message);
    } catch (error) {
      const isProgram = message.type === MessageType.SERVER_SIDE_EMIT;
      const where = isProgram ? 'a handler of serverSideEmit' : 'a listener of a socket';
      this.#report({ type: 'handler_failed', where, error });
    }
  }
}

function answersTo(uid: string): string {
  return `answers:${uid}`;
}

/** Throws if the data can't be encoded. */
function encode(message: ClusterMessage | ClusterResponse): Buffer {
  return AS_JSON.has(message.type) ? Buffer.from(JSON.stringify(message)) : PARSER.encode(message);
}

function decode(bytes: Buffer): ClusterMessage {
  // Only adapters of this process write to the network, each in this format.
  return (bytes[0] === JSON_START ? JSON.parse(bytes.toString()) : PARSER.decode(bytes)) as ClusterMessage;
}
