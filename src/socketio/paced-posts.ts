import type { ServerResponse } from 'node:http';
import { MessageRate } from '../common/message-rate.js';
import { DONE, type SlicedWork } from '../common/turns.js';
import type { Wire, WirePacket } from '../ports/wire.js';
import { protocolOf, transportOf } from './engine-transport.js';
import type { EngineTransport, PayloadParser } from './engine-types.js';
import type { Pace } from './guarded-web-socket.js';
import { SLICE_MESSAGES, sleepMs } from './pacing.js';
import { type Slice, scanPayload } from './payload-scan.js';

/** How fast the packets of a POST are passed to the engine. */
export type PostPace = Omit<Pace, 'tooLarge'>;

/**
 * Passes the packets of one connection's POSTs on in slices, so that a client that sends much does not keep others waiting, and at the
 * rate that the client may have. Nothing is dropped. A POST is answered once all of its packets have passed, and no client of Socket.IO
 * sends the next one before. So this holds one body, of at most `maxHttpBufferSize`.
 */
export class PacedPosts implements SlicedWork {
  readonly #pace: PostPace;
  readonly #wire: Wire;
  readonly #transport: EngineTransport;
  readonly #parser: PayloadParser;
  readonly #rate: MessageRate | undefined;
  /** The response to a POST whose body has not been read completely. */
  #response: ServerResponse | undefined;
  /** The body whose packets have not all passed, from `#at`. */
  #held: string | undefined;
  #at = 0;
  /** Answers its POST. */
  #answer: (() => void) | undefined;
  /** When it may go on, by `performance.now()`. */
  #waitsUntil = 0;

  private constructor(pace: PostPace, wire: Wire, transport: EngineTransport, parser: PayloadParser) {
    this.#pace = pace;
    this.#wire = wire;
    this.#transport = transport;
    this.#parser = parser;
    const { limits, hasRate } = pace.pacing;
    if (hasRate) this.#rate = new MessageRate(limits);
  }

  /** Paces a connection that has a polling transport. Undefined if that has no parser of its own, so that bodies are handled at once. */
  static of(wire: Wire, pace: PostPace): PacedPosts | undefined {
    const transport = transportOf(wire);
    if (!canPacePosts(transport)) return undefined;
    const { parser } = transport;
    const posts = new PacedPosts(pace, wire, transport, parser);
    // A transport of engine.io reads the body of a POST with it, and answers the POST right after that.
    transport.parser = Object.assign(Object.create(parser), { decodePayload: posts.#decode });
    return posts;
  }

  /** Whether the packets of a POST have not all passed, so that no other one may come. */
  get isBusy(): boolean {
    return this.#held !== undefined;
  }

  /** Of the client's rate, by which another transport can go on. */
  get fullAt(): number {
    return this.#rate?.fullAt ?? Number.NEGATIVE_INFINITY;
  }

  /** Since when its rate delays its client; undefined if it does not. */
  get delayedSince(): number | undefined {
    return this.#rate?.delayedSince(performance.now());
  }

  /** A POST begins. */
  begin(response: ServerResponse): void {
    this.#response = response;
  }

  /** Passes nothing for this many milliseconds. */
  delay(ms: number): void {
    this.#waitsUntil = Math.max(this.#waitsUntil, performance.now() + ms);
  }

  /** Drops what has not passed, because the connection is gone. */
  drop(): void {
    this.#pace.pacing.turns.remove(this);
    this.#finish();
  }

  slice(): number {
    const held = this.#held;
    if (held === undefined) return DONE;
    // After an upgrade or an end the engine ignores the rest. No client of Socket.IO upgrades before its POST is answered.
    if (this.#wire.readyState !== 'open' || transportOf(this.#wire) !== this.#transport) return this.#finish();
    const now = performance.now();
    this.#pace.keepAlive(this.#wire);
    if (this.#waitsUntil > now) return sleepMs(this.#waitsUntil - now);
    const most = this.#available(now);
    if (most === 0) return this.#delayed(now);
    const { end, next, packets } = scanPayload(held, this.#at, protocolOf(this.#wire), most);
    const part = held.slice(this.#at, end);
    this.#rate?.spend(packets, now);
    if (next === undefined) this.#finish();
    else this.#at = next;
    this.#pass(part);
    return this.#held === undefined ? DONE : 0;
  }

  /** In place of the parser's own method. The engine passes the packets that it returns, or those of version 3 to `pass`. */
  readonly #decode: PayloadParser['decodePayload'] = (body, pass) => {
    const response = this.#response;
    // An idle client keeps no response in memory.
    this.#response = undefined;
    if (typeof body !== 'string' || this.#passesAtOnce(body)) return this.#parser.decodePayload(body, pass);
    this.#held = body;
    this.#at = 0;
    if (response !== undefined) this.#holdAnswer(response);
    this.#pace.pacing.turns.add(this);
    return [];
  };

  /** Nearly always: one packet, or a few small ones. */
  #passesAtOnce(body: string): boolean {
    const now = performance.now();
    const most = this.#waitsUntil > now ? 0 : this.#available(now);
    if (most === 0) return false;
    const { next, packets, isLarge }: Slice = scanPayload(body, 0, protocolOf(this.#wire), most);
    if (next !== undefined || isLarge) return false;
    this.#rate?.spend(packets, now);
    return true;
  }

  #available(now: number): number {
    return Math.min(SLICE_MESSAGES, this.#rate?.available(now) ?? SLICE_MESSAGES);
  }

  #holdAnswer(response: ServerResponse): void {
    const { end } = response;
    response.end = ((...args: Parameters<typeof end>) => {
      this.#answer = () => end.call(response, ...args);
      return response;
    }) as typeof end;
  }

  #pass(part: string): void {
    const pass = (packet: WirePacket): void => {
      // As the engine does.
      if (packet.type === 'close') this.#transport.onClose?.();
      else this.#transport.onPacket?.(packet);
    };
    if (protocolOf(this.#wire) === 3) this.#parser.decodePayload(part, pass);
    else for (const packet of this.#parser.decodePayload(part) ?? []) pass(packet);
  }

  #finish(): number {
    const answer = this.#answer;
    this.#held = undefined;
    this.#answer = undefined;
    answer?.();
    return DONE;
  }

  /** The rate does not allow the next packet yet. */
  #delayed(now: number): number {
    const rate = this.#rate;
    if (rate === undefined) return 0;
    const ms = this.#pace.pacing.wait(rate, now);
    if (ms === undefined) {
      this.#pace.tooFast(this.#wire);
      return this.#held === undefined ? DONE : sleepMs(0);
    }
    return ms;
  }
}

/** Whether the transport has a parser of its own, which can be replaced. */
export function canPacePosts(
  transport: EngineTransport | undefined,
): transport is EngineTransport & { readonly parser: PayloadParser } {
  return typeof transport?.parser?.decodePayload === 'function';
}
