import { createConnection } from 'node:net';
import { io as connectClient, type Socket } from 'socket.io-client';
import { expect } from 'vitest';
import { track } from '../support/cleanup.js';
import { eventually, within } from '../support/facts.js';
import { type Program, startProgram } from '../support/process.js';
import { type PollingPeer, type RawOptions, rawPolling, rawWebSocket, type WebSocketPeer } from '../support/raw.js';
import { startRedis } from '../support/redis.js';
import { runnerOf, SETTING } from '../support/setting.js';

const PROGRAM = new URL('../fixtures/abuse-victim.mjs', import.meta.url);

/** Timers that the Redis connections create and clear repeatedly. */
const OF_REDIS = 4;
/**
 * Sockets that can survive a garbage collection: Bun's is conservative, and keeps what a stack value could point to.
 */
const UNCOLLECTED = SETTING.runtime === 'bun' ? 20 : 0;

/** The server's resources; see `state` and `counts` of the program. */
export type State = Counts & Readonly<Record<'retained', number>>;
type Counts = Readonly<
  Record<'clients' | 'rooms' | 'sids' | 'sockets' | 'engine' | 'wires' | 'timers' | 'active', number>
>;

export interface VictimOptions {
  /** Options of the helper that JSON can represent. */
  readonly options?: Readonly<Record<string, unknown>>;
  readonly logger?: 'keeps' | 'throws' | 'rejects';
  readonly redisPort?: number;
  /** Number of well-behaved clients; two by default. */
  readonly witnesses?: number;
}

/** A well-behaved client: during every attack it receives each message once, in order, and nothing else. */
class Witness {
  readonly beats: number[] = [];
  readonly blasts: string[] = [];
  readonly strange: string[] = [];
  readonly socket: Socket;

  constructor(url: string, transports: readonly string[]) {
    this.socket = connectClient(url, {
      auth: { verdict: 'yes' },
      transports: [...transports],
      forceNew: true,
      reconnection: false,
    });
    this.socket.onAny((event: string, data: unknown, answer?: (value: string) => void) =>
      this.#note(event, data, answer),
    );
    this.socket.on('disconnect', (reason) => this.strange.push(`disconnect ${reason}`));
  }

  /** Resolves to false if the witness missed `authenticateTimeout`, which can be short for a busy machine. */
  async enter(): Promise<boolean> {
    const arrival = new Promise<boolean>((resolve) => {
      this.socket.once('connect', () => resolve(true));
      this.socket.once('disconnect', () => resolve(false));
    });
    if (!(await within(arrival, 'a witness that connects'))) return false;
    const verdict = new Promise<boolean>((resolve) => {
      this.socket.once('authenticated', () => resolve(true));
      this.socket.once('unauthenticated', ({ code }: { code: string }) => resolve(code !== 'timeout'));
    });
    this.socket.emit('authenticate');
    if (!(await within(verdict, 'a verdict over a witness'))) return false;
    const answer: unknown = await this.socket.timeout(5_000).emitWithAck('join', { rooms: ['witnesses'] });
    expect(answer).toEqual({ joined: ['witnesses'], refused: [] });
    await eventually(() => this.socket.io.engine.transport.name === 'websocket');
    return true;
  }

  #note(event: string, data: unknown, answer?: (value: string) => void): void {
    if (event === 'beat') this.beats.push(data as number);
    else if (event === 'blast') this.blasts.push(data as string);
    else if (event === 'asked') answer?.('here');
    else if (event !== 'ping' && event !== 'whim' && event !== 'authenticated') this.strange.push(event);
  }
}

/** The program under attack, with its witnesses. */
export class Victim {
  readonly #program: Program;
  /** How many more timers than at the start are allowed. */
  readonly #spareTimers: number;
  readonly #attackers: (WebSocketPeer | PollingPeer)[] = [];
  #calls = 0;
  #url = '';
  #witnesses: readonly Witness[] = [];
  #baseline: State | undefined;

  constructor(program: Program, hasRedis: boolean) {
    this.#program = program;
    this.#spareTimers = hasRedis ? OF_REDIS : 0;
  }

  get url(): string {
    return this.#url;
  }

  get program(): Program {
    return this.#program;
  }

  get witnesses(): readonly Witness[] {
    return this.#witnesses;
  }

  /** The server's resources before any attack. */
  get baseline(): State {
    if (this.#baseline === undefined) throw new Error('call begin() first');
    return this.#baseline;
  }

  async begin(witnesses: number): Promise<void> {
    const { url } = await this.#program.messages.next((message) => message?.url !== undefined, { timeout: 25_000 });
    this.#url = url as string;
    const transports = [['websocket'], ['polling', 'websocket']].slice(0, witnesses);
    this.#witnesses = await Promise.all(transports.map((each) => this.#witness(each)));
    this.#baseline = await this.#settledState();
  }

  async #witness(transports: readonly string[]): Promise<Witness> {
    for (let times = 0; times < 5; times++) {
      const witness = new Witness(this.#url, transports);
      track({ stop: () => void witness.socket.disconnect() });
      if (await witness.enter()) return witness;
    }
    throw new Error('a witness missed authenticateTimeout five times');
  }

  /** Calls the program; rejects with the error that it threw. */
  // biome-ignore lint/suspicious/noExplicitAny: each call has another result type
  async call(name: string, args: object = {}, timeout = 10_000): Promise<any> {
    this.#calls += 1;
    const call = this.#calls;
    this.#program.send({ call, name, args });
    const { result, error } = await this.#program.messages.next((message) => message?.call === call, {
      timeout,
      what: `an answer to ${name}`,
    });
    if (error !== undefined) throw new Error(error);
    return result;
  }

  /** Runs a full garbage collection in the program, which is slow. To wait for a count, use `counts`. */
  state(): Promise<State> {
    return this.call('state');
  }

  counts(): Promise<Counts> {
    return this.call('counts');
  }

  /** A raw connection that is closed before `unharmed` checks the server. */
  async webSocket(options?: RawOptions): Promise<WebSocketPeer> {
    return this.#remember(await rawWebSocket(this.url, options));
  }

  async polling(options?: RawOptions): Promise<PollingPeer> {
    return this.#remember(await rawPolling(this.url, options));
  }

  /** A POST with an incomplete body, over a connection that stays open. */
  async halfRequest(): Promise<void> {
    const polling = await this.polling();
    const { wires } = await this.counts();
    const { hostname, port } = new URL(this.url);
    const socket = createConnection({ host: hostname, port: Number(port) });
    socket.on('error', () => undefined);
    track({
      stop: () => {
        socket.destroy();
      },
    });
    const path = `/socket.io/?EIO=4&transport=polling&sid=${polling.sid}`;
    socket.write(`POST ${path} HTTP/1.1\r\nHost: victim\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\n40`);
    await eventually(async () => (await this.counts()).wires > wires, { what: 'the request has come' });
  }

  /** An authenticated raw client. */
  async authenticated(auth: object = {}): Promise<WebSocketPeer & { readonly sid: string }> {
    const attacker = await this.webSocket();
    const { sid } = await attacker.connect('/', { verdict: 'yes', ...auth });
    attacker.emit('authenticate');
    await attacker.event('authenticated');
    return Object.assign(attacker, { sid });
  }

  /** Sends numbered messages to both witnesses, and checks that each received all of them once, in order. */
  async beat(count = 8): Promise<void> {
    if (this.#witnesses.length === 0) return;
    const witnesses = this.#witnesses.map(({ socket }) => socket.id);
    const last: number = await this.call('beat', { count, witnesses });
    const all = Array.from({ length: last }, (_, index) => index + 1);
    for (const witness of this.#witnesses) {
      await eventually(() => witness.beats.length >= last, { what: `beat ${last} at a witness` });
      expect(witness.beats, 'what a witness heard').toEqual(all);
    }
  }

  /** Closes every raw connection that was opened here. */
  async leaveAll(): Promise<void> {
    for (const attacker of this.#attackers.splice(0)) await leave(attacker);
  }

  /**
   * Closes the attackers. Then checks that the server runs, wrote nothing to stderr, served its witnesses and leaked
   * nothing.
   */
  async unharmed(timeout = 5_000): Promise<void> {
    await this.leaveAll();
    await this.beat();
    for (const { strange } of this.#witnesses) expect(strange, 'what a witness should not have heard').toEqual([]);
    await this.holdsNoMore(timeout);
    expect(this.#program.stderr).toBe('');
  }

  #remember<T extends WebSocketPeer | PollingPeer>(attacker: T): T {
    this.#attackers.push(attacker);
    track({ stop: () => leave(attacker) });
    return attacker;
  }

  /** The server's resources are back to the baseline. Fewer timers are fine: Node.js has short-lived ones. */
  async holdsNoMore(timeout = 5_000): Promise<void> {
    const { timers, active, retained, ...rest } = this.baseline;
    const expectCounts = (counts: Counts): void => {
      expect(counts).toMatchObject(rest);
      expect(counts.timers).toBeLessThanOrEqual(timers + this.#spareTimers);
      expect(counts.active).toBeLessThanOrEqual(active + this.#spareTimers);
    };
    await eventually(
      async () => {
        expectCounts(await this.counts());
        const state = await this.state();
        expectCounts(state);
        expect(state.retained).toBeLessThanOrEqual(retained + UNCOLLECTED);
      },
      { timeout, what: 'the server holds what it held before' },
    );
  }

  /** Resolves once two checks agree: temporary connections of the start, such as a witness's polling, have closed. */
  async #settledState(): Promise<State> {
    return eventually(
      async () => {
        const first = await this.state();
        await this.beat(4);
        expect(await this.state()).toEqual(first);
        expect(first.wires).toBe(this.#witnesses.length);
        return first;
      },
      { timeout: 15_000 },
    );
  }
}

/** Sends a close packet, because the server keeps a silent polling session until its ping timeout. */
async function leave(attacker: WebSocketPeer | PollingPeer): Promise<void> {
  if ('post' in attacker) await attacker.post('1').catch(() => undefined);
  await attacker.stop();
}

/** Starts a program to attack. Stops with the test, or with the file if called outside of a test. */
export async function startVictim({ options, logger, witnesses = 2, ...more }: VictimOptions = {}): Promise<Victim> {
  const redisPort = more.redisPort ?? (SETTING.redis ? (await startRedis()).port : undefined);
  const config = { ...options, ...(logger && { logger }), ...(redisPort && { redisPort }) };
  const program = startProgram(PROGRAM, { args: [JSON.stringify(config)], ...runnerOf() });
  const victim = new Victim(program, redisPort !== undefined);
  await victim.begin(witnesses);
  return victim;
}
