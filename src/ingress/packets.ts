import type { Wire, WireData } from '../ports/wire.js';
import { Decoder } from '../socketio/packages.js';
import { DROPPED } from './dropped.js';
import { STRANGER_MESSAGE_BYTES, STRANGER_PARSED_BYTES } from './limits.js';
import { isHeavy } from './parsed-bytes.js';

type Listener = (this: Wire, data: WireData) => void;

export interface PacketFilterOptions {
  /** Whether messages are in the format of Socket.IO's own parser. Of others only the size is known. */
  readonly isOwnParser: boolean;
  /** A message of this connection was dropped. */
  readonly dropped: (wire: Wire, why: 'too_large' | 'unauthenticated') => void;
  /** Its CONNECT to `/` had an `auth` that is too large. It connects without `auth`, so that it can be refused. */
  readonly stripped: (wire: Wire) => void;
}

interface ParserState {
  readonly listeners: readonly Listener[];
  /** Attachments to come that belong to an event that was dropped unread. */
  attachments: number;
  /** Parses an event with attachments that is being dropped, so that a breach of the protocol still ends the connection. */
  decoder: Decoder | undefined;
  /** An acknowledgement with attachments, until it is complete: it may answer an emit of the program. */
  answer: Answer | undefined;
  isLifted: boolean;
  /** The first characters of messages that were dropped unread and whose marks have not come yet; undefined for binary ones. */
  readonly unread: (string | undefined)[];
  /** Whether a CONNECT of `/` was delivered without its `auth`. */
  isStripped: boolean;
}

interface Answer {
  readonly parts: WireData[];
  bytes: number;
  /** Attachments that have not come yet. */
  left: number;
}

/** A binary event or acknowledgement, with the number of its attachments (Socket.IO protocol, version 5). */
const BINARY = /^[56]([^-]*)-/;
const CONNECT = '0';
const BINARY_ACK = '6';
/** Engine.IO's packet type of a message, with which the text of a frame begins. */
const MESSAGE = '4';
/** The type of a binary message in polling, as base64. */
const BASE64 = 'b';

/** The answer to a CONNECT of a namespace of the program. Socket.IO's client does not try again automatically after that. */
const TOO_LARGE = {
  message: `auth: expected at most ${STRANGER_MESSAGE_BYTES} bytes before authentication, received more.`,
  data: { code: 'too_large' },
};

/** A packet of an unknown type, at which Socket.IO closes the connection. */
const BROKEN = '9';
/** Replaces a dropped attachment. */
const NO_BYTES = Buffer.alloc(0);

/**
 * Sits between an engine and Socket.IO while a connection is not authenticated. Drops messages that are too large before they
 * are parsed. Drops events with attachments too, because Socket.IO would hold them until the last attachment. The connection
 * stays open: a client that sends a large event too early would reconnect and send it again.
 */
export class PacketFilter {
  readonly #options: PacketFilterOptions;
  readonly #states = new WeakMap<Wire, ParserState>();
  // One listener for all connections, called with the connection as `this`.
  readonly #listener: Listener;

  constructor(options: PacketFilterOptions) {
    this.#options = options;
    const take = (wire: Wire, data: WireData) => this.#take(wire, data);
    this.#listener = function (data) {
      take(this, data);
    };
  }

  /** Call once Socket.IO listens to the connection. */
  guard(wire: Wire): void {
    this.#guard(wire, false);
  }

  #guard(wire: Wire, isLifted: boolean): ParserState {
    const listeners = [...(wire.listeners('data') as Listener[])];
    const state: ParserState = {
      listeners,
      attachments: 0,
      decoder: undefined,
      answer: undefined,
      isLifted,
      unread: [],
      isStripped: false,
    };
    this.#states.set(wire, state);
    // Adds before it removes, because an emitter frees its state of an event with the last listener.
    wire.on('data', this.#listener);
    for (const listener of listeners) wire.removeListener('data', listener);
    return state;
  }

  /** The connection is authenticated, or has joined a namespace of the program. */
  lift(wire: Wire): void {
    const state = this.#states.get(wire);
    if (state === undefined) return;
    state.isLifted = true;
    const { answer } = state;
    state.answer = undefined;
    for (const part of answer?.parts ?? []) deliver(wire, state, part);
    if (isIdle(state)) this.#remove(wire, state);
  }

  /**
   * A filter before the engine dropped a message by its size. A mark comes in its place. The connection may have been
   * authenticated while the message was read.
   */
  dropped(wire: Wire, start: string | undefined): void {
    const state = this.#states.get(wire) ?? this.#guard(wire, true);
    state.unread.push(start);
  }

  #skip(wire: Wire, state: ParserState): void {
    const start = state.unread.shift();
    if (start === undefined || start.startsWith(BASE64)) this.#skipBinary(wire, state);
    else if (start.startsWith(MESSAGE)) this.#skipText(wire, state, start.slice(MESSAGE.length));
    this.#options.dropped(wire, 'too_large');
  }

  #take(wire: Wire, data: WireData): void {
    const state = this.#states.get(wire);
    if (state === undefined) return;
    if (data === DROPPED && state.unread.length > 0) {
      this.#skip(wire, state);
      if (state.isLifted && isIdle(state)) this.#remove(wire, state);
    } else if (this.#drops(wire, state, data)) {
      if (state.isLifted && isIdle(state)) this.#remove(wire, state);
    } else deliver(wire, state, data);
  }

  #drops(wire: Wire, state: ParserState, data: WireData): boolean {
    if (typeof data !== 'string') return this.#dropsBinary(wire, state, data);
    if (state.decoder !== undefined) return this.#decode(wire, state, data);
    if (state.isLifted) return false;
    // A text message between an acknowledgement and its attachments breaks the protocol.
    if (state.answer !== undefined) {
      deliver(wire, state, BROKEN);
      return true;
    }
    if (Buffer.byteLength(data) > STRANGER_MESSAGE_BYTES) {
      this.#skipText(wire, state, data);
      return this.#note(wire, 'too_large');
    }
    if (!this.#options.isOwnParser) return false;
    if (isHeavy(data, STRANGER_PARSED_BYTES)) {
      this.#skipText(wire, state, data);
      return this.#note(wire, 'too_large');
    }
    if (data.startsWith(BINARY_ACK)) return this.#begin(state, data);
    return BINARY.test(data) && this.#decode(wire, state, data);
  }

  /** Holds an acknowledgement until its attachments are there. Returns false if it breaks the protocol: Socket.IO then closes. */
  #begin(state: ParserState, data: string): boolean {
    try {
      new Decoder().add(data);
    } catch {
      return false;
    }
    const left = Number.parseInt(data.slice(BINARY_ACK.length), 10);
    state.answer = { parts: [data], bytes: Buffer.byteLength(data), left };
    return true;
  }

  #addTo(answer: Answer, wire: Wire, state: ParserState, data: Exclude<WireData, string>): void {
    answer.parts.push(data);
    answer.left -= 1;
    answer.bytes += data?.byteLength ?? 0;
    if (answer.bytes > STRANGER_MESSAGE_BYTES) {
      this.#abandon(answer, state);
      this.#options.dropped(wire, 'too_large');
    } else if (answer.left === 0) {
      state.answer = undefined;
      for (const part of answer.parts) deliver(wire, state, part);
    }
  }

  #abandon({ left }: Answer, state: ParserState): void {
    state.answer = undefined;
    state.attachments += left;
  }

  #decode(wire: Wire, state: ParserState, data: WireData): true {
    state.decoder ??= this.#newDecoder(wire, state);
    const { decoder } = state;
    try {
      decoder.add(data);
    } catch {
      decoder.destroy();
      state.decoder = undefined;
      deliver(wire, state, BROKEN);
    }
    return true;
  }

  #newDecoder(wire: Wire, state: ParserState): Decoder {
    const decoder = new Decoder();
    decoder.on('decoded', () => {
      state.decoder = undefined;
      this.#options.dropped(wire, 'unauthenticated');
    });
    return decoder;
  }

  #dropsBinary(wire: Wire, state: ParserState, data: Exclude<WireData, string>): boolean {
    // An empty packet has no data.
    const isTooLarge = !state.isLifted && (data?.byteLength ?? 0) > STRANGER_MESSAGE_BYTES;
    if (!isTooLarge && state.answer !== undefined) {
      this.#addTo(state.answer, wire, state, data);
      return true;
    }
    if (!isTooLarge && state.attachments === 0 && state.decoder === undefined) return false;
    this.#skipBinary(wire, state);
    return isTooLarge ? this.#note(wire, 'too_large') : true;
  }

  #note(wire: Wire, why: 'too_large' | 'unauthenticated'): true {
    this.#options.dropped(wire, why);
    return true;
  }

  #skipBinary(wire: Wire, state: ParserState): void {
    if (state.answer !== undefined) this.#abandon({ ...state.answer, left: state.answer.left - 1 }, state);
    else if (state.attachments > 0) state.attachments--;
    else if (state.decoder !== undefined) this.#decode(wire, state, NO_BYTES);
    // No event or acknowledgement announced this attachment.
    else if (this.#options.isOwnParser) deliver(wire, state, BROKEN);
  }

  #skipText(wire: Wire, state: ParserState, text: string): void {
    if (!this.#options.isOwnParser) return;
    const [, attachments = '0'] = BINARY.exec(text) ?? [];
    state.attachments += Math.max(0, Number.parseInt(attachments, 10) || 0);
    if (!text.startsWith(CONNECT)) return;
    const namespace = namespaceOf(text);
    if (namespace !== '') wire.write(`4${namespace}${JSON.stringify(TOO_LARGE)}`);
    else if (state.isStripped) deliver(wire, state, BROKEN);
    else {
      state.isStripped = true;
      this.#options.stripped(wire);
      deliver(wire, state, CONNECT);
    }
  }

  #remove(wire: Wire, { listeners }: ParserState): void {
    this.#states.delete(wire);
    for (const listener of listeners) wire.on('data', listener);
    wire.removeListener('data', this.#listener);
  }
}

function deliver(wire: Wire, { listeners }: ParserState, data: WireData): void {
  for (const listener of listeners) listener.call(wire, data);
}

function isIdle({ attachments, decoder, unread }: ParserState): boolean {
  return attachments === 0 && decoder === undefined && unread.length === 0;
}

/** The namespace of a CONNECT, with its comma; empty for `/`. An answer to a truncated name is ignored by the client. */
function namespaceOf(connect: string): string {
  const [, namespace = ''] = /^0(\/[^,{]*)/.exec(connect) ?? [];
  return namespace === '' || namespace === '/' || namespace.startsWith('/?') ? '' : `${namespace},`;
}
