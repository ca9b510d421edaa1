import { within } from '../../common/within.js';
import { isReply, type RedisConnection } from './client.js';

export interface LinkOptions {
  dial(attempt: number): Promise<RedisConnection>;
  /** See `Dialer`. */
  explain(client: RedisConnection, error: unknown): unknown;
  /** Makes a connection fit for use before anybody else gets it. A rejection means that another one is tried. */
  greet(client: RedisConnection): Promise<void>;
  onUp(client: RedisConnection): void;
  onDown(error: unknown): void;
  /** An attempt to connect has failed; another one follows. */
  onFailed(error: unknown): void;
}

/** From dialling to being greeted, in ms. */
const HANDSHAKE_TIMEOUT_MS = 5_000;
const FIRST_DELAY_MS = 50;
/** Between attempts in the first seconds, so that clients hear again within a second of Redis' return. */
const EAGER_DELAY_MS = 250;
const EAGER_FOR_MS = 30_000;
const LONGEST_DELAY_MS = 2_000;
/** A connection that lasted less long than this, in ms, counts as a failed attempt. */
const LASTING_MS = 1_000;
const CLOSED = 'The connection was closed.';
/** The same text of ioredis. */
const CLOSED_OF_IOREDIS = 'Connection is closed.';

/**
 * One connection that heals for ever, whatever it was lost by. It is made of connections that live once each:
 *
 *   start() ──► dialling ──► greeted: up ──► lost, or replaced
 *                  ▲  └─ failed ─┐               │
 *                  └── back-off ◄┴───────────────┘          stop() leaves from anywhere
 */
export class Link {
  readonly #options: LinkOptions;
  #client: RedisConnection | undefined;
  #dialling: RedisConnection | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Counts beginnings: what belongs to an earlier one is void. */
  #turn = 0;
  #running = false;
  #attempt = 0;
  #failures = 0;
  #failingSince = 0;
  #upSince = 0;
  #lastError: unknown;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** The connection, while it is up. */
  get client(): RedisConnection | undefined {
    return this.#client;
  }

  /** Why it is not up, as far as known. */
  get lastError(): unknown {
    return this.#lastError;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    void this.#dial();
  }

  /** Gives the connection up, and makes another. */
  replace(error: unknown): void {
    if (this.#client !== undefined) this.#lose(this.#client, error);
  }

  /** Says goodbye if there is anybody to say it to, for at most `timeoutMs`; never rejects. */
  async stop(timeoutMs: number): Promise<void> {
    const client = this.#client;
    this.#running = false;
    this.#turn += 1;
    this.#client = undefined;
    clearTimeout(this.#timer);
    if (this.#dialling !== undefined) discard(this.#dialling);
    this.#dialling = undefined;
    if (client === undefined) return;
    try {
      await within(client.quit(), timeoutMs, 'Redis did not take leave in time.');
    } catch {
      // It is cut all the same.
    }
    discard(client);
  }

  async #dial(): Promise<void> {
    const turn = ++this.#turn;
    const stale = () => turn !== this.#turn;
    let client: RedisConnection | undefined;
    let cause: unknown;
    let over = false;
    let greeting: string | undefined;
    try {
      const late = 'Redis did not answer in time.';
      client = await within(this.#options.dial(this.#attempt++), HANDSHAKE_TIMEOUT_MS, late);
      const fresh = client;
      fresh.on('error', (error: unknown) => {
        cause = error;
      });
      // Redis refuses a connection with an error that answers no command, such as too many clients. ioredis drops it, or
      // takes it for the answer to a command of its handshake, of which it ignores the errors.
      fresh.on('connect', () => {
        fresh.stream?.once?.('data', (chunk) => {
          greeting = /^-(.+?)\r\n/.exec(chunk.toString('latin1'))?.[1];
        });
      });
      fresh.on('close', () => {
        over = true;
        if (this.#client === fresh) this.#lose(fresh, cause);
      });
      if (stale()) return discard(fresh);
      this.#dialling = fresh;
      await within(connectAndGreet(fresh, this.#options), HANDSHAKE_TIMEOUT_MS, late);
      if (stale()) return discard(fresh);
      if (over) throw new Error(CLOSED);
      this.#rise(fresh);
    } catch (error) {
      if (client !== undefined) discard(client);
      if (stale()) return;
      const reason = client === undefined ? error : this.#options.explain(client, cause ?? error);
      this.#fail(over && greeting !== undefined && !isReply(reason) ? new Error(greeting) : reason);
      this.#options.onFailed(this.#lastError);
    }
  }

  #rise(client: RedisConnection): void {
    this.#dialling = undefined;
    this.#client = client;
    this.#upSince = performance.now();
    this.#lastError = undefined;
    this.#options.onUp(client);
  }

  #lose(client: RedisConnection, error: unknown): void {
    this.#client = undefined;
    // The node that served well is the first to be tried again.
    this.#attempt -= 1;
    if (performance.now() - this.#upSince > LASTING_MS) this.#failures = 0;
    discard(client);
    this.#fail(error ?? new Error(CLOSED));
    this.#options.onDown(this.#lastError);
  }

  #fail(error: unknown): void {
    this.#dialling = undefined;
    this.#lastError = error instanceof Error && error.message === CLOSED_OF_IOREDIS ? new Error(CLOSED) : error;
    if (this.#failures === 0) this.#failingSince = performance.now();
    const eager = performance.now() - this.#failingSince < EAGER_FOR_MS;
    const delay = Math.min(
      FIRST_DELAY_MS * 2 ** Math.min(this.#failures, 10),
      eager ? EAGER_DELAY_MS : LONGEST_DELAY_MS,
    );
    this.#failures += 1;
    // Spread, so that the instances of a cluster don't all come back in the same moment.
    this.#timer = setTimeout(() => void this.#dial(), delay * (0.5 + Math.random() / 2));
    this.#timer.unref();
  }
}

async function connectAndGreet(client: RedisConnection, { greet }: LinkOptions): Promise<void> {
  await connected(client);
  await greet(client);
}

/** A wrapper may hand out clients that connect by themselves, whatever they are told. */
async function connected(client: RedisConnection): Promise<void> {
  if (client.status === 'ready') return;
  if (client.status === 'connecting' || client.status === 'connect') {
    await new Promise<void>((resolve, reject) => {
      client.on('ready', resolve);
      for (const event of ['close', 'end']) client.on(event, () => reject(new Error(CLOSED)));
    });
    return;
  }
  await client.connect();
}

function discard(client: RedisConnection): void {
  try {
    client.disconnect();
  } catch {
    // It is not ours any more, whatever it says.
  }
}
