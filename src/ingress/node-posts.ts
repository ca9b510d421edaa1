import type { ServerResponse } from 'node:http';
import type { Reporter } from '../ports/reports.js';
import type { Wire } from '../ports/wire.js';
import { keepAlive } from '../socketio/engine-io.js';
import { failTransport, transportNameOf, transportOf } from '../socketio/engine-transport.js';
import { canPacePosts, PacedPosts, type PostPace } from '../socketio/paced-posts.js';
import type { IngressReport } from './reports.js';

/** Of Engine.IO's, for a second POST before the first one is answered. */
const OVERLAP = 'data request overlap from client';

export interface NodePostsOptions {
  readonly pace: Omit<PostPace, 'keepAlive'>;
  /** A body was refused, because it was larger than any may be. */
  readonly tooLarge: (wire: Wire) => void;
  readonly report: Reporter<IngressReport>;
}

/** The POSTs of connections over long polling, on Node.js. */
export class NodePosts {
  readonly #options: NodePostsOptions;
  readonly #pace: PostPace;
  readonly #paced = new WeakMap<Wire, PacedPosts>();
  #isUnpaced = false;

  constructor(options: NodePostsOptions) {
    this.#options = options;
    this.#pace = { ...options.pace, keepAlive };
  }

  /** A connection has opened. */
  open(wire: Wire): void {
    if (this.#isUnpaced || transportNameOf(wire) !== 'polling' || canPacePosts(transportOf(wire))) return;
    this.#isUnpaced = true;
    this.#options.report({ type: 'pacing_fallback', missing: 'the parser of a polling transport of engine.io' });
  }

  /** Returns the status of a refusal, or undefined if the engine may have this POST. `bytes`: those that the client announced. */
  begin(wire: Wire, bytes: number, mostBytes: number, response: ServerResponse): 400 | 413 | undefined {
    const paced = this.#pacedOf(wire);
    if (paced?.isBusy) {
      failTransport(transportOf(wire), OVERLAP);
      return 400;
    }
    if (bytes > mostBytes) {
      this.#options.tooLarge(wire);
      return 413;
    }
    paced?.begin(response);
    // A body without a length: the engine counts it.
    response.once('close', () => {
      if (response.statusCode === 413) this.#options.tooLarge(wire);
    });
    return undefined;
  }

  /**
   * A client has upgraded. Frees the state of its POSTs, and returns how much it has sent; see `MessageRate`. Undefined if that is not
   * known.
   */
  upgraded(wire: Wire): number | undefined {
    const paced = this.#paced.get(wire);
    paced?.drop();
    this.#paced.delete(wire);
    return paced?.fullAt;
  }

  delay(wire: Wire, ms: number): void {
    this.#pacedOf(wire)?.delay(ms);
  }

  /** Since when its rate delays the client; undefined if it does not. */
  delayedSince(wire: Wire): number | undefined {
    return this.#paced.get(wire)?.delayedSince;
  }

  /** The connection is gone. */
  forget(wire: Wire): void {
    this.#paced.get(wire)?.drop();
  }

  /** Made when it is needed first: a session whose client has sent nothing is small, and anybody can open many. */
  #pacedOf(wire: Wire): PacedPosts | undefined {
    const known = this.#paced.get(wire);
    if (known !== undefined || transportNameOf(wire) !== 'polling') return known;
    const paced = PacedPosts.of(wire, this.#pace);
    if (paced !== undefined) this.#paced.set(wire, paced);
    return paced;
  }
}
