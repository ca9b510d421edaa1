import { isRecord } from '../common/checks.js';
import { nameIn, RejectedMessageError } from '../common/instance-messages.js';
import type { InstanceMessage } from '../ports/backplane/bus.js';

/** The part of a broker that carries bytes between instances. */
export interface Carrier {
  /** Resolves once the broker has taken the message. Rejects immediately while the broker is unreachable. */
  publish(channel: string, message: string): Promise<void>;
  /** May be called before the carrier is open. One listener a channel. */
  subscribe(channel: string, listener: (message: Buffer) => void): void;
}

export interface TopicsOptions {
  /** The id of this instance. */
  readonly id: string;
  readonly carrier: Carrier;
  /** Called for an invalid message. `kind`: one of a few names in the code, never from a message. */
  readonly onRejected: (kind: string, error: unknown) => void;
}

type Subscriber = (message: InstanceMessage, from: string) => void | Promise<void>;

/** Messages with their sender's id, as JSON on one channel per topic. The lower half of the Bus. */
export class Topics {
  readonly #options: TopicsOptions;
  readonly #claimed = new Set<string>();

  constructor(options: TopicsOptions) {
    this.#options = options;
  }

  publish(topic: string, message: InstanceMessage): Promise<void> {
    const { id, carrier } = this.#options;
    return carrier.publish(topic, JSON.stringify({ ...message, from: id }));
  }

  /** `kind`: the name under which rejected messages are counted, if the topic is not a fixed name. */
  subscribe(topic: string, subscriber: Subscriber, kind = topic): void {
    if (this.#claimed.has(topic)) throw new Error(`The topic "${topic}" already has an owner.`);
    this.#claimed.add(topic);
    this.#options.carrier.subscribe(topic, (bytes) => void this.#receive(bytes, subscriber, kind));
  }

  async #receive(bytes: Buffer, subscriber: Subscriber, kind: string): Promise<void> {
    const { id, onRejected } = this.#options;
    try {
      const { from, ...message } = parse(bytes);
      const sender = nameIn(from);
      if (sender !== id) await subscriber(message, sender);
    } catch (error) {
      onRejected(kind, error);
    }
  }
}

function parse(bytes: Buffer): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch (cause) {
    throw new RejectedMessageError('invalid JSON', { cause });
  }
  if (!isRecord(value)) throw new RejectedMessageError('not an object');
  return value;
}
