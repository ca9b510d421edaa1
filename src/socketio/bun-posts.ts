import { MessageRate } from '../common/message-rate.js';
import { DONE, type SlicedWork } from '../common/turns.js';
import type { Wire } from '../ports/wire.js';
import type { BunPace } from './bun-inputs.js';
import { transportOf } from './engine-transport.js';
import type { EngineConnection, EngineTransport } from './engine-types.js';
import { SLICE_MESSAGES, sleepMs } from './pacing.js';
import { type Slice, scanPayload } from './payload-scan.js';

/** The only version of Engine.IO that the engine supports. */
const PROTOCOL = 4;
/** Passes the beginning of a body to the engine, with its request. Resolves with the answer. */
type PassFirst = (part: string) => Promise<Response>;

/**
 * Passes the packets of POSTs to the engine in slices, so that a client that sends much does not keep others waiting, and at the rate
 * that the client may have. Nothing is dropped: a POST is answered once all of its packets have passed.
 */
export class BunPosts {
  readonly #pace: BunPace;
  readonly #paced = new WeakMap<Wire, PacedBody>();

  constructor(pace: BunPace) {
    this.#pace = pace;
  }

  /** `waits` is called if not all packets can pass at once. */
  async pass(wire: Wire, body: string, first: PassFirst, waits: () => void): Promise<Response> {
    const transport = transportOf(wire);
    const paced = this.#of(wire);
    if (typeof transport?.onRequest !== 'function' || paced.passesAtOnce(body)) return first(body);
    waits();
    let response: Response | undefined;
    for (let at: number | undefined = 0; at !== undefined; ) {
      const slice: Slice | undefined = await paced.next(transport, body, at);
      // The connection is over. The engine has an answer for that too.
      if (slice === undefined) return response ?? first(body);
      const part = body.slice(at, slice.end);
      if (response === undefined) response = await first(part);
      else await transport.onRequest(postOf(part));
      if (!response.ok) return response;
      at = slice.next;
    }
    return response ?? first(body);
  }

  /** Passes nothing of this connection for this many milliseconds. */
  delay(wire: Wire, ms: number): void {
    if (transportOf(wire)?.name === 'polling') this.#of(wire).delay(ms);
  }

  /** How much a client has sent; see `MessageRate`. Undefined if it has sent nothing by polling. */
  fullAt(wire: Wire): number | undefined {
    return this.#paced.get(wire)?.fullAt;
  }

  /** Since when its rate delays the client; undefined if it does not. */
  delayedSince(wire: Wire): number | undefined {
    return this.#paced.get(wire)?.delayedSince;
  }

  /** The connection is gone. */
  forget(wire: Wire): void {
    this.#paced.get(wire)?.drop();
  }

  #of(wire: Wire): PacedBody {
    const known = this.#paced.get(wire);
    if (known !== undefined) return known;
    const paced = new PacedBody(this.#pace, wire);
    this.#paced.set(wire, paced);
    return paced;
  }
}

/** A POST as a polling transport of the engine reads it. */
function postOf(body: string): object {
  return { method: 'POST', signal: { addEventListener() {} }, text: () => Promise.resolve(body) };
}

/** The packets of one connection's POSTs, of which there is one at a time. */
class PacedBody implements SlicedWork {
  readonly #pace: BunPace;
  readonly #wire: Wire;
  readonly #rate: MessageRate | undefined;
  /** What the packets came by, while they wait for their turn. After an upgrade it must not stay in memory. */
  #transport: EngineTransport | undefined;
  /** The packets that wait for their turn, from `#at`. */
  #body = '';
  #at = 0;
  #goOn: ((slice: Slice | undefined) => void) | undefined;
  /** When it may go on, by `performance.now()`. */
  #waitsUntil = 0;

  constructor(pace: BunPace, wire: Wire) {
    this.#pace = pace;
    this.#wire = wire;
    const { limits, hasRate } = pace.pacing;
    if (hasRate) this.#rate = new MessageRate(limits);
  }

  get fullAt(): number {
    return this.#rate?.fullAt ?? Number.NEGATIVE_INFINITY;
  }

  /** Since when its rate delays its client; undefined if it does not. */
  get delayedSince(): number | undefined {
    return this.#rate?.delayedSince(performance.now());
  }

  /** Nearly always: one packet, or a few small ones. They count. */
  passesAtOnce(body: string): boolean {
    const now = performance.now();
    const most = this.#waitsUntil > now ? 0 : this.#available(now);
    const { next, packets, isLarge } = scanPayload(body, 0, PROTOCOL, most);
    if (next !== undefined || isLarge) return false;
    this.#rate?.spend(packets, now);
    return true;
  }

  /** Resolves with the packets that may pass now, in a turn of their own; with undefined if the connection is over. */
  next(transport: EngineTransport, body: string, at: number): Promise<Slice | undefined> {
    this.#transport = transport;
    this.#body = body;
    this.#at = at;
    return new Promise((resolve) => {
      this.#goOn = resolve;
      this.#pace.pacing.turns.add(this);
    });
  }

  delay(ms: number): void {
    this.#waitsUntil = Math.max(this.#waitsUntil, performance.now() + ms);
  }

  drop(): void {
    this.#pace.pacing.turns.remove(this);
    this.#resolve(undefined);
  }

  slice(): number {
    if (this.#wire.readyState !== 'open' || transportOf(this.#wire) !== this.#transport)
      return this.#resolve(undefined);
    const now = performance.now();
    const { pingTimeoutTimer }: EngineConnection = this.#wire;
    // Its answers to pings may be among the packets.
    pingTimeoutTimer?.refresh();
    if (this.#waitsUntil > now) return sleepMs(this.#waitsUntil - now);
    const most = this.#available(now);
    if (most === 0) return this.#delayed(now);
    const slice = scanPayload(this.#body, this.#at, PROTOCOL, most);
    this.#rate?.spend(slice.packets, now);
    return this.#resolve(slice);
  }

  #available(now: number): number {
    return Math.min(SLICE_MESSAGES, this.#rate?.available(now) ?? SLICE_MESSAGES);
  }

  #resolve(slice: Slice | undefined): number {
    const goOn = this.#goOn;
    this.#goOn = undefined;
    this.#transport = undefined;
    this.#body = '';
    goOn?.(slice);
    return DONE;
  }

  /** The rate does not allow the next packet yet. */
  #delayed(now: number): number {
    const rate = this.#rate;
    if (rate === undefined) return 0;
    const ms = this.#pace.pacing.wait(rate, now);
    if (ms === undefined) {
      this.#pace.tooFast(this.#wire);
      return this.#resolve(undefined);
    }
    return ms;
  }
}
