import { explain, isHidden, type PageFacts, type Target } from './causes.js';

/** How long an answer holds. */
const VALID_MS = 30_000;

/** The parts of a browser that are used. Node.js and React Native have no page. */
interface Browser {
  readonly location?: { readonly origin?: unknown };
  readonly navigator?: { readonly onLine?: boolean };
  readonly fetch?: (url: string, options: object) => Promise<unknown>;
}

/**
 * Explains why attempts to connect failed. A browser hides the reason: a server that is down looks like one that does not allow the
 * page's origin. But a request without CORS succeeds at the second one.
 */
export class Failures {
  readonly #target: Target;
  readonly #learned: (error: Error, earlier: Error) => void;
  #answers: boolean | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;

  /** `learned` gets the error again with a clearer message, once the page has found out more. */
  constructor(target: Target, learned: (error: Error, earlier: Error) => void) {
    this.#target = target;
    this.#learned = learned;
  }

  explain(raw: Error): Error {
    const error = this.#explain(raw);
    if (isHidden(raw)) this.#ask(() => this.#learned(this.#explain(raw), error));
    return error;
  }

  /** The client is connected: the next failure has another reason. */
  forget(): void {
    this.#askedAt = Number.NEGATIVE_INFINITY;
    this.#answers = undefined;
  }

  #explain(raw: Error): Error {
    return explain(raw, this.#target, this.#facts());
  }

  /** Undefined outside of browsers. */
  #facts(): PageFacts | undefined {
    const { location, navigator } = globalThis as Browser;
    if (typeof location?.origin !== 'string') return undefined;
    return { origin: location.origin, isOnline: navigator?.onLine !== false, answers: this.#answers };
  }

  /** Asks the server whether it answers at all, unless it did so a moment ago. */
  #ask(done: () => void): void {
    const { fetch } = globalThis as Browser;
    const now = performance.now();
    if (this.#facts()?.isOnline !== true || fetch === undefined || now - this.#askedAt < VALID_MS) return;
    this.#askedAt = now;
    this.#answers = undefined;
    const learn = (answers: boolean) => (): void => {
      // Connected meanwhile.
      if (this.#askedAt !== now) return;
      this.#answers = answers;
      done();
    };
    const options = { mode: 'no-cors', cache: 'no-store', credentials: 'omit' };
    const { server, path } = this.#target;
    // Without the name of a transport Socket.IO refuses immediately, and opens no session.
    void fetch.call(globalThis, `${server}${path.replace(/\/?$/, '/')}`, options).then(learn(true), learn(false));
  }
}
