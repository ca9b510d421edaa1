import { shown } from '../common/log-text.js';
import type { IJoinAnswer } from '../protocol/messages.js';
import type { Log } from './log.js';
import type { ISocketIOClientOptions } from './options.js';
import type { Rooms } from './rooms.js';
import { Timer } from './timer.js';

/** Rooms that were refused for a temporary reason are requested again, at most this many times. */
const MOST_REJOINS = 5;
const FIRST_REJOIN_MS = 1_000;
/** Most rooms that a log line about refused rooms names. */
const MOST_ROOMS_NAMED = 20;

/** Requests this client's rooms again after a reconnect, because the server no longer knows them. */
export class Rejoining {
  readonly #rooms: Rooms;
  readonly #options: Pick<ISocketIOClientOptions, 'onRoomsRejoined'>;
  readonly #log: Log;
  readonly #timer = new Timer();
  /** Counts connections, so that an answer of one is not taken for another's. */
  #connection = 0;
  #isUnderWay = false;

  constructor(rooms: Rooms, options: Pick<ISocketIOClientOptions, 'onRoomsRejoined'>, log: Log) {
    this.#rooms = rooms;
    this.#options = options;
    this.#log = log;
  }

  /** Whether the first answer is still pending. Messages wait until then, because they may need those rooms. */
  get isUnderWay(): boolean {
    return this.#isUnderWay;
  }

  /** From now on it is under way, if there are rooms to request. */
  prepare(): void {
    this.#isUnderWay = this.#rooms.wanted;
  }

  /** `done` is called once the server has answered, unless the connection has ended. */
  async start(done: () => void): Promise<void> {
    const connection = this.#connection;
    const answer = await this.#rooms.rejoin();
    if (connection !== this.#connection) return;
    this.#isUnderWay = false;
    done();
    this.#report(answer, 1);
  }

  /** The connection ended. */
  stop(): void {
    this.#connection += 1;
    this.#isUnderWay = false;
    this.#timer.stop();
  }

  #report(answer: IJoinAnswer, tries: number): void {
    const { onRoomsRejoined } = this.#options;
    const named = answer.refused.slice(0, MOST_ROOMS_NAMED).map(({ room, code }) => `${shown(room)} (${shown(code)})`);
    const more = answer.refused.length - named.length;
    const refused = [...named, ...(more > 0 ? [`and ${more} more`] : [])].join(', ');
    if (refused !== '') this.#log.write(onRoomsRejoined ? 'debug' : 'warn', `rooms not rejoined: ${refused}`);
    void this.#log.run('onRoomsRejoined', () => onRoomsRejoined?.(answer));
    const passing = this.#rooms.passing(answer.refused);
    if (passing.length === 0 || tries >= MOST_REJOINS) return;
    const connection = this.#connection;
    this.#timer.start(Math.random() * FIRST_REJOIN_MS * 2 ** tries, async () => {
      const again = await this.#rooms.rejoin(passing);
      if (connection === this.#connection) this.#report(again, tries + 1);
    });
  }
}
