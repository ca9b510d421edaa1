import type { Client } from './client.js';
import type { Destination, Model } from './model.js';
import type { Stage } from './stage.js';

/** What a client may still be told after it has left: `4` is a refusal of Socket.IO, `1` its goodbye. */
const WORDS = /^2\d*\["(?:authenticated|unauthenticated|ping|roomgate:[a-z]+)"/;
/** Those that have left are not pinged. */
const PING = /^2\["ping"/;
const MESSAGE = /^2\["message",(\d+)\]$/;

/** The messages of the program, and the clients that heard them. */
export class Messages {
  readonly #model: Model;
  readonly #fault: (text: string) => void;
  readonly #sent: { readonly to: Destination; readonly heardBy: Set<string> }[] = [];
  /** Messages that were held while the network was paused may be older than what was held after them. */
  #graces: Model['mayHear'][] = [];

  constructor(model: Model, fault: (text: string) => void) {
    this.#model = model;
    this.#fault = fault;
  }

  /** Returns a function that checks that these clients have heard the message. */
  send(stage: Stage, from: number, to: Destination, listeners: readonly Client[]): () => void {
    const message = this.#sent.length;
    const heardBy = new Set<string>();
    this.#sent.push({ to, heardBy });
    const destination = addressOf(to);
    stage.helper(from).send({
      ...(destination === undefined ? {} : { destination }),
      payload: { topic: 'message', data: message },
    });
    return () => {
      for (const { wire } of listeners) if (!heardBy.has(wire)) this.#fault(`${wire} did not hear message ${message}`);
    };
  }

  /** Until `endGrace()`, a client may also hear what it is allowed to hear now. */
  addGrace(): void {
    const copies = new Map(
      [...this.#model.clients.values()].map((client) => [client.wire, { ...client, rooms: new Map(client.rooms) }]),
    );
    this.#graces.push((client, to) => this.#model.mayHear(copies.get(client.wire) ?? client, to));
  }

  endGrace(): void {
    this.#graces = [];
  }

  /** A packet was handed to the transport of a client. */
  wrote(client: Client, packet: string): void {
    const { wire } = client;
    const number = MESSAGE.exec(packet)?.[1];
    if (number === undefined) {
      const isLatePing = client.state === 'out' && PING.test(packet);
      if (isLatePing || !(/^[0134]/.test(packet) || WORDS.test(packet))) this.#fault(`${wire} was sent ${packet}`);
      return;
    }
    const message = this.#sent[Number(number)];
    if (message === undefined) throw new Error(`Message ${number} was not sent.`);
    message.heardBy.add(wire);
    if (this.#model.mayHear(client, message.to) || this.#graces.some((may) => may(client, message.to))) return;
    this.#fault(`${wire} heard message ${number} to ${textOf(message.to)}`);
  }
}

type Address = string | { user: string } | { session: string } | { id: string } | undefined;

function addressOf(to: Destination): Address {
  if (to === undefined) return undefined;
  if ('room' in to) return to.room;
  return { [to.kind]: to.name } as Address;
}

export function textOf(to: Destination): string {
  if (to === undefined) return 'all';
  return 'room' in to ? to.room : `${to.kind} ${to.name}`;
}
