/** Hears the messages of one channel. Never throws. */
export type ChannelHandler = (message: Buffer) => void;

/** What an instance is told about its own way to the bus. */
export interface MemberEvents {
  /** It is cut off from here on. */
  cut(): void;
  /** It is back. `dropped`: messages of its own that no other instance got. */
  healed(dropped: number): void;
}

interface Letter {
  readonly to: MemoryMember;
  readonly channel: string;
  /** The receiver's own copy: no two instances share an object. */
  readonly message: Buffer;
}

/** Messages that wait for an instance that is paused, or that it wanted to send; older ones go first. */
const MOST_HELD = 10_000;

/**
 * Carries messages between the instances of one process, as Redis does between processes: as bytes, later than the call
 * that sends them, and in the order in which they were sent. `cut`, `pause` and `heal` are the faults of a network.
 */
export class MemoryBus {
  readonly #members = new Set<MemoryMember>();
  #letters: Letter[] = [];
  #delivery: NodeJS.Immediate | undefined;
  #joined = 0;

  /** Instances that have joined and not left. */
  get size(): number {
    return this.#members.size;
  }

  /** An instance joins. `name` is what the faults call it. */
  join(name: string, events: MemberEvents): MemoryMember {
    this.#joined += 1;
    const member = new MemoryMember(this, `${name}.${this.#joined}`, name, events);
    this.#members.add(member);
    return member;
  }

  leave(member: MemoryMember): void {
    this.#members.delete(member);
  }

  /** Instances beside this one. */
  others(member: MemoryMember): readonly MemoryMember[] {
    return [...this.#members].filter((other) => other !== member);
  }

  post(letters: readonly Letter[]): void {
    for (const letter of letters) this.#letters.push(letter);
    this.#delivery ??= setImmediate(() => this.#deliver());
  }

  /** Whatever the instance sends and is sent from here on is lost, as with a Redis that it can't reach. */
  cut(name: string): void {
    for (const member of this.#named(name)) member.cut();
  }

  /** Whatever the instance sends and is sent from here on waits, as with a Redis that does not answer. */
  pause(name: string): void {
    for (const member of this.#named(name)) member.pause();
  }

  /** Ends a `cut` or a `pause`. */
  heal(name: string): void {
    for (const member of this.#named(name)) member.heal();
  }

  #named(name: string): readonly MemoryMember[] {
    const members = [...this.#members].filter((member) => member.name === name);
    if (members.length === 0) throw new Error(`No instance on the bus is named "${name}".`);
    return members;
  }

  #deliver(): void {
    const letters = this.#letters;
    this.#letters = [];
    this.#delivery = undefined;
    for (const { to, channel, message } of letters) to.hear(channel, message);
  }
}

/** One instance on the bus, from `join` to `leave`. */
export class MemoryMember {
  /** No other instance on the bus has it. */
  readonly id: string;
  readonly name: string;
  readonly #bus: MemoryBus;
  readonly #events: MemberEvents;
  readonly #handlers = new Map<string, ChannelHandler>();
  #state: 'open' | 'paused' | 'cut' | 'left' = 'open';
  #sent: [channel: string, message: Buffer][] = [];
  #arrived: [channel: string, message: Buffer][] = [];
  #dropped = 0;

  constructor(bus: MemoryBus, id: string, name: string, events: MemberEvents) {
    this.#bus = bus;
    this.id = id;
    this.name = name;
    this.#events = events;
  }

  /** Whether messages of this instance are lost at the moment. */
  get isAway(): boolean {
    return this.#state === 'cut' || this.#state === 'left';
  }

  /** Instances that live beside this one, whether they can be reached or not. */
  get living(): readonly string[] {
    return this.#bus.others(this).map(({ id }) => id);
  }

  /** Hears a channel from here on. One handler a channel: the latest. */
  subscribe(channel: string, handler: ChannelHandler): void {
    if (this.#state !== 'left') this.#handlers.set(channel, handler);
  }

  /** Ends it, unless the channel has another handler by now. */
  unsubscribe(channel: string, handler: ChannelHandler): void {
    if (this.#handlers.get(channel) === handler) this.#handlers.delete(channel);
  }

  isSubscribed(channel: string): boolean {
    return this.#handlers.has(channel);
  }

  /** How many other instances hear the channel, of those that can be reached. */
  countSubscribers(channel: string): number {
    if (this.isAway) return 0;
    return this.#bus.others(this).filter((other) => !other.isAway && other.isSubscribed(channel)).length;
  }

  /** To all other instances that hear the channel. */
  publish(channel: string, message: Buffer): void {
    if (this.#state === 'open') this.#post(channel, message);
    else if (this.#state === 'paused') this.#dropped += hold(this.#sent, channel, message);
    else this.#dropped += 1;
  }

  /** A message has arrived. */
  hear(channel: string, message: Buffer): void {
    if (this.#state === 'open') this.#handlers.get(channel)?.(message);
    else if (this.#state === 'paused') hold(this.#arrived, channel, message);
  }

  cut(): void {
    if (this.isAway) return;
    this.#state = 'cut';
    this.#dropped += this.#sent.length;
    this.#sent = [];
    this.#arrived = [];
    this.#events.cut();
  }

  pause(): void {
    if (this.#state === 'open') this.#state = 'paused';
  }

  heal(): void {
    if (this.#state === 'open' || this.#state === 'left') return;
    const wasCut = this.#state === 'cut';
    const [sent, arrived] = [this.#sent, this.#arrived];
    this.#sent = [];
    this.#arrived = [];
    this.#state = 'open';
    for (const [channel, message] of arrived) this.hear(channel, message);
    for (const [channel, message] of sent) this.#post(channel, message);
    if (wasCut) this.#events.healed(this.#takeDropped());
  }

  /** Returns how many messages no other instance got, of those that were not told of. */
  leave(): number {
    this.#state = 'left';
    this.#bus.leave(this);
    this.#handlers.clear();
    this.#dropped += this.#sent.length;
    this.#sent = [];
    this.#arrived = [];
    return this.#takeDropped();
  }

  #takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  #post(channel: string, message: Buffer): void {
    const receivers = this.#bus.others(this).filter((other) => other.isSubscribed(channel));
    this.#bus.post(receivers.map((to) => ({ to, channel, message: Buffer.from(message) })));
  }
}

/** How many older ones were dropped for it. */
function hold(held: [string, Buffer][], channel: string, message: Buffer): number {
  held.push([channel, message]);
  if (held.length <= MOST_HELD) return 0;
  held.shift();
  return 1;
}
