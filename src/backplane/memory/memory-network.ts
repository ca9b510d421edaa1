import { MemoryEntries } from './memory-entries.js';

/** Receives the messages of one channel. Never throws. */
export type ChannelHandler = (message: Buffer) => void;

/** Events of the network for one instance. */
export interface MemberEvents {
  /** It is cut off from now on. */
  cut(): void;
  /** It is connected again. `dropped`: messages of this instance that no other instance got. */
  healed(dropped: number): void;
  /** Another instance joined, or left while this one was cut off, so that its goodbye did not arrive. */
  changed(change: 'joined' | 'expired', id: string): void;
}

interface Letter {
  readonly to: MemoryMember;
  readonly channel: string;
  /** The receiver's own copy: no two instances share an object. */
  readonly message: Buffer;
}

/** Messages that are held for a paused instance in each direction. The oldest are dropped first. */
const MOST_HELD = 10_000;

/**
 * Carries messages between the instances of one process, as Redis does between processes: as bytes, in a later tick than the
 * call that sends them, and in the order in which they were sent. `cut`, `pause` and `heal` are the faults of a network.
 */
export class MemoryNetwork {
  /** The ledger. Its `clear` is another fault. */
  readonly entries = new MemoryEntries();
  /** What the instances share by name. */
  readonly shared = new Map<string, unknown>();
  readonly #members = new Set<MemoryMember>();
  #letters: Letter[] = [];
  #delivery: NodeJS.Immediate | undefined;
  #made = 0;

  /** Instances that have joined and not left. */
  get size(): number {
    return this.#members.size;
  }

  /** An instance that has not joined yet. `cut`, `pause` and `heal` take its `name`. */
  createMember(name: string, events: MemberEvents): MemoryMember {
    this.#made += 1;
    return new MemoryMember(this, `${name}.${this.#made}`, name, events);
  }

  add(member: MemoryMember): void {
    for (const other of this.#members) {
      other.changed('joined', member.id);
      member.changed('joined', other.id);
    }
    this.#members.add(member);
  }

  delete(member: MemoryMember): void {
    this.#members.delete(member);
  }

  /** The other instances that have joined. */
  others(member: MemoryMember): readonly MemoryMember[] {
    return [...this.#members].filter((other) => other !== member);
  }

  post(letters: readonly Letter[]): void {
    for (const letter of letters) this.#letters.push(letter);
    this.#delivery ??= setImmediate(() => this.#deliver());
  }

  /** From now on all messages from and to the instance are lost, as with a Redis that it can't reach. */
  cut(name: string): void {
    for (const member of this.#named(name)) member.cut();
  }

  /** From now on all messages from and to the instance wait, as with a Redis that does not answer. */
  pause(name: string): void {
    for (const member of this.#named(name)) member.pause();
  }

  /** Ends a `cut` or a `pause`. */
  heal(name: string): void {
    for (const member of this.#named(name)) member.heal();
  }

  #named(name: string): readonly MemoryMember[] {
    const members = [...this.#members].filter((member) => member.name === name);
    if (members.length === 0) throw new Error(`No instance on the network is named "${name}".`);
    return members;
  }

  #deliver(): void {
    const letters = this.#letters;
    this.#letters = [];
    this.#delivery = undefined;
    for (const { to, channel, message } of letters) to.hear(channel, message);
  }
}

/** One instance of the network. It can subscribe immediately; it sends and receives from `join` to `leave`. */
export class MemoryMember {
  /** Unique on the network. */
  readonly id: string;
  readonly name: string;
  readonly #network: MemoryNetwork;
  readonly #events: MemberEvents;
  readonly #handlers = new Map<string, ChannelHandler>();
  #state: 'new' | 'open' | 'paused' | 'cut' | 'left' = 'new';
  #sent: [channel: string, message: Buffer][] = [];
  #arrived: [channel: string, message: Buffer][] = [];
  #dropped = 0;
  #isHolding = false;
  /** Called once the instance is not paused anymore. */
  #waiting: (() => void)[] = [];

  constructor(network: MemoryNetwork, id: string, name: string, events: MemberEvents) {
    this.#network = network;
    this.id = id;
    this.name = name;
    this.#events = events;
  }

  /** Whether messages of this instance are lost at the moment. */
  get isAway(): boolean {
    return this.#state !== 'open' && this.#state !== 'paused';
  }

  get entries(): MemoryEntries {
    return this.#network.entries;
  }

  /** The object of this name, which all instances of the network share. The first one creates it. */
  shared<T>(name: string, create: () => T): T {
    const { shared } = this.#network;
    if (!shared.has(name)) shared.set(name, create());
    return shared.get(name) as T;
  }

  /** Waits while the instance is paused. Resolves with false if it is cut off then. */
  async answered(): Promise<boolean> {
    if (this.#state === 'paused') await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return !this.isAway;
  }

  /** Messages that arrive wait until `release`. */
  hold(): void {
    this.#isHolding = true;
  }

  release(): void {
    this.#isHolding = false;
    if (this.#state === 'open') this.#deliverArrived();
  }

  join(): void {
    this.#state = 'open';
    this.#network.add(this);
  }

  changed(change: 'joined' | 'expired', id: string): void {
    this.#events.changed(change, id);
  }

  /** The other living instances, reachable or not. */
  get living(): readonly string[] {
    return this.#network.others(this).map(({ id }) => id);
  }

  /** Subscribes to a channel. A channel has one handler: the latest. */
  subscribe(channel: string, handler: ChannelHandler): void {
    if (this.#state !== 'left') this.#handlers.set(channel, handler);
  }

  /** Ends a subscription, unless the channel has another handler by now. */
  unsubscribe(channel: string, handler: ChannelHandler): void {
    if (this.#handlers.get(channel) === handler) this.#handlers.delete(channel);
  }

  isSubscribed(channel: string): boolean {
    return this.#handlers.has(channel);
  }

  /** How many other reachable instances subscribe to the channel. */
  countSubscribers(channel: string): number {
    if (this.isAway) return 0;
    return this.#network.others(this).filter((other) => !other.isAway && other.isSubscribed(channel)).length;
  }

  /** Sends to all other instances that subscribe to the channel. */
  publish(channel: string, message: Buffer): void {
    if (this.#state === 'open') this.#post(channel, message);
    else if (this.#state === 'paused') this.#dropped += hold(this.#sent, channel, message);
    else this.#dropped += 1;
  }

  /** A message has arrived. */
  hear(channel: string, message: Buffer): void {
    if (this.#state === 'open' && !this.#isHolding) this.#handlers.get(channel)?.(message);
    else if (this.#state === 'open' || this.#state === 'paused') hold(this.#arrived, channel, message);
  }

  cut(): void {
    if (this.isAway) return;
    this.#state = 'cut';
    this.#dropped += this.#sent.length;
    this.#sent = [];
    this.#arrived = [];
    this.#answer();
    this.#events.cut();
  }

  pause(): void {
    if (this.#state === 'open') this.#state = 'paused';
  }

  heal(): void {
    if (this.#state !== 'paused' && this.#state !== 'cut') return;
    const wasCut = this.#state === 'cut';
    const sent = this.#sent;
    this.#sent = [];
    this.#state = 'open';
    this.#answer();
    if (!this.#isHolding) this.#deliverArrived();
    for (const [channel, message] of sent) this.#post(channel, message);
    if (wasCut) this.#events.healed(this.#takeDropped());
  }

  /** Returns how many messages no other instance got, of those that were not reported yet. */
  leave(): number {
    const isUnheard = this.#state === 'paused' || this.#state === 'cut';
    this.#state = 'left';
    this.#answer();
    this.#network.delete(this);
    if (isUnheard) for (const other of this.#network.others(this)) other.changed('expired', this.id);
    this.#handlers.clear();
    this.#dropped += this.#sent.length;
    this.#sent = [];
    this.#arrived = [];
    return this.#takeDropped();
  }

  #answer(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const answered of waiting) answered();
  }

  #deliverArrived(): void {
    const arrived = this.#arrived;
    this.#arrived = [];
    for (const [channel, message] of arrived) this.hear(channel, message);
  }

  #takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  #post(channel: string, message: Buffer): void {
    const receivers = this.#network.others(this).filter((other) => other.isSubscribed(channel));
    this.#network.post(receivers.map((to) => ({ to, channel, message: Buffer.from(message) })));
  }
}

/** Holds a message. Returns how many older ones were dropped for it. */
function hold(held: [string, Buffer][], channel: string, message: Buffer): number {
  held.push([channel, message]);
  if (held.length <= MOST_HELD) return 0;
  held.shift();
  return 1;
}
