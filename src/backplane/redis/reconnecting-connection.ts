import { within } from '../../common/within.js';
import { isReply, type RedisConnection, SILENT } from './client.js';

export interface ReconnectingConnectionOptions {
  dial(attempt: number): Promise<RedisConnection>;
  /** See `Dialer`. */
  explain(client: RedisConnection, error: unknown): unknown;
  /** Prepares a connection before it is used. After a rejection another connection is tried. */
  prepare(client: RedisConnection): Promise<void>;
  /** Work after that, which may take longer. After a rejection another connection is tried, too. */
  catchUp?(client: RedisConnection): Promise<void>;
  onUp(client: RedisConnection): void;
  onDown(error: unknown): void;
  /** An attempt to connect has failed; another one follows. */
  onFailed(error: unknown): void;
}

/** The state of an attempt to connect. */
interface Attempt {
  readonly client: RedisConnection;
  cause: unknown;
  isClosed: boolean;
  /** The error with which Redis refused the connection, or that it is another server. */
  refusal: string | undefined;
}

/** Timeout from dialing until the connection is prepared, in ms. */
const HANDSHAKE_TIMEOUT_MS = 5_000;
/** Timeout of `catchUp`, in ms. */
const CATCH_UP_TIMEOUT_MS = 30_000;
const FIRST_DELAY_MS = 50;
/** The delay between attempts in the first seconds, so that messages arrive again within a second of Redis' return. */
const EAGER_DELAY_MS = 250;
const EAGER_FOR_MS = 30_000;
const LONGEST_DELAY_MS = 2_000;
/** A connection that is lost sooner than this, in ms, counts as a failed attempt. */
const LASTING_MS = 1_000;
/** The first byte of each reply in Redis' protocol, versions 2 and 3. */
const REPLY = /^[-+:$*_#,(!=%~>|]/;
const NOT_REDIS = "this server does not speak Redis' protocol; check the host, the port, and whether it expects TLS";
const CLOSED = 'The connection was closed.';
/** The text of ioredis for the same error. */
const CLOSED_OF_IOREDIS = 'Connection is closed.';

/**
 * One connection that reconnects forever, after any loss. Each attempt uses a new client:
 *
 *   start() ──► dialing ──► prepared ──► caught up: up ─► lost, or replaced
 *                  ▲ └─ failed ─┐ └──┐                     │
 *                  └─ back-off ◄┴────┴─────────────────────┘    stop() ends every state
 */
export class ReconnectingConnection {
  readonly #options: ReconnectingConnectionOptions;
  #client: RedisConnection | undefined;
  #dialing: RedisConnection | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Counts attempts: events of an earlier one are ignored. */
  #generation = 0;
  #running = false;
  #attempts = 0;
  #failures = 0;
  #failingSince = 0;
  #upSince = 0;
  #lastError: unknown;

  constructor(options: ReconnectingConnectionOptions) {
    this.#options = options;
  }

  /** The connection, while it is up. */
  get client(): RedisConnection | undefined {
    return this.#client;
  }

  /** The cause why it is not up, if it is known. */
  get lastError(): unknown {
    return this.#lastError;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    void this.#dial();
  }

  /** Drops the connection, and makes another one. */
  replace(error: unknown): void {
    if (this.#client !== undefined) this.#lose(this.#client, error);
  }

  /** Quits if it is connected, for at most `timeoutMs`; never rejects. */
  async stop(timeoutMs: number): Promise<void> {
    const client = this.#client;
    this.#running = false;
    this.#generation += 1;
    this.#client = undefined;
    clearTimeout(this.#timer);
    if (this.#dialing !== undefined) discard(this.#dialing);
    this.#dialing = undefined;
    if (client === undefined) return;
    try {
      await within(client.quit(), timeoutMs, SILENT);
    } catch {
      // It is closed by force below.
    }
    discard(client);
  }

  async #dial(): Promise<void> {
    const generation = ++this.#generation;
    const isStale = () => generation !== this.#generation;
    let attempt: Attempt | undefined;
    try {
      attempt = this.#observe(await within(this.#options.dial(this.#attempts++), HANDSHAKE_TIMEOUT_MS, SILENT));
      const { client } = attempt;
      if (isStale()) return discard(client);
      this.#dialing = client;
      await within(connectAndPrepare(client, this.#options), HANDSHAKE_TIMEOUT_MS, SILENT);
      if (isStale()) return discard(client);
      await this.#catchUp(client);
      if (isStale()) return discard(client);
      if (attempt.isClosed) throw new Error(CLOSED);
      this.#rise(client);
    } catch (error) {
      if (attempt !== undefined) discard(attempt.client);
      if (isStale()) return;
      this.#fail(attempt === undefined ? error : this.#reasonOf(attempt, error));
      this.#options.onFailed(this.#lastError);
    }
  }

  /** Collects errors and replies of the connection, from before it is connected. */
  #observe(client: RedisConnection): Attempt {
    const attempt: Attempt = { client, cause: undefined, isClosed: false, refusal: undefined };
    client.on('error', (error: unknown) => {
      attempt.cause = error;
    });
    // Redis may refuse a connection with an error that is no reply to a command, such as too many clients. ioredis drops it, or
    // treats it as a reply to its own handshake, whose errors it ignores.
    client.on('connect', () => {
      client.stream?.once?.('data', (chunk) => {
        attempt.refusal = refusalIn(chunk.toString('latin1'));
      });
    });
    client.on('close', () => {
      attempt.isClosed = true;
      if (this.#client === client) this.#lose(client, attempt.cause);
    });
    return attempt;
  }

  async #catchUp(client: RedisConnection): Promise<void> {
    const { catchUp } = this.#options;
    if (catchUp !== undefined) await within(catchUp(client), CATCH_UP_TIMEOUT_MS, 'Catching up took too long.');
  }

  #reasonOf({ client, cause, isClosed, refusal }: Attempt, error: unknown): unknown {
    // The parser of ioredis asks people to report its own error.
    if (refusal === NOT_REDIS) return new Error(NOT_REDIS);
    const reason = this.#options.explain(client, cause ?? error);
    return isClosed && refusal !== undefined && !isReply(reason) ? new Error(refusal) : reason;
  }

  #rise(client: RedisConnection): void {
    this.#dialing = undefined;
    this.#client = client;
    this.#upSince = performance.now();
    this.#lastError = undefined;
    this.#options.onUp(client);
  }

  #lose(client: RedisConnection, error: unknown): void {
    this.#client = undefined;
    // The node that worked is tried first.
    this.#attempts -= 1;
    if (performance.now() - this.#upSince > LASTING_MS) this.#failures = 0;
    discard(client);
    this.#fail(error ?? new Error(CLOSED));
    this.#options.onDown(this.#lastError);
  }

  #fail(error: unknown): void {
    this.#dialing = undefined;
    this.#lastError = error instanceof Error && error.message === CLOSED_OF_IOREDIS ? new Error(CLOSED) : error;
    if (this.#failures === 0) this.#failingSince = performance.now();
    const eager = performance.now() - this.#failingSince < EAGER_FOR_MS;
    const delay = Math.min(
      FIRST_DELAY_MS * 2 ** Math.min(this.#failures, 10),
      eager ? EAGER_DELAY_MS : LONGEST_DELAY_MS,
    );
    this.#failures += 1;
    // Random, so that the instances of a cluster do not all reconnect at the same time.
    this.#timer = setTimeout(() => void this.#dial(), delay * (0.5 + Math.random() / 2));
    this.#timer.unref();
  }
}

/** Undefined if this is an ordinary reply. */
function refusalIn(answer: string): string | undefined {
  return REPLY.test(answer) ? /^-(.+?)\r\n/.exec(answer)?.[1] : NOT_REDIS;
}

async function connectAndPrepare(client: RedisConnection, { prepare }: ReconnectingConnectionOptions): Promise<void> {
  await connected(client);
  await prepare(client);
}

/** `duplicate()` of a wrapper may return clients that ignore `lazyConnect` and connect automatically. */
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
    // Nothing uses the connection anymore, so its errors do not matter.
  }
}
