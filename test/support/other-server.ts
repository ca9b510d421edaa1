import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import type { SocketIOClientHelper } from '../../src/client/client-helper.js';
import { defer } from './cleanup.js';
import { EventLog, eventually, within } from './facts.js';
import type { Names } from './scenario.js';

/** Timers of Node.js can fire a fraction of a millisecond early. */
const EARLY_MS = 2;

interface Visit {
  readonly url: string;
  readonly socket: WebSocket;
  readonly frames: EventLog<string>;
}

/** Plays another server against Roomgate's client, frame by frame. */
export class OtherServer {
  readonly #names: Names;
  readonly #visits = new EventLog<Visit>();
  readonly #http = createServer();
  #helper: SocketIOClientHelper | undefined;
  #visit: Visit | undefined;
  #answer: Promise<unknown> | undefined;
  #closedAt = 0;
  #invented = 0;

  constructor(names: Names) {
    this.#names = names;
  }

  /** `connect` creates the client, which starts to connect at once. */
  async start(connect: (url: string) => Promise<SocketIOClientHelper>): Promise<void> {
    const sockets = new WebSocketServer({ server: this.#http });
    sockets.on('connection', (socket, { url = '' }) => {
      const frames = new EventLog<string>();
      socket.on('message', (data) => frames.push(String(data)));
      this.#visits.push({ url, socket, frames });
    });
    await new Promise<void>((resolve) => this.#http.listen(0, '127.0.0.1', resolve));
    this.#helper = await connect(`http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`);
    defer(() => {
      this.#helper?.shutdown();
      for (const socket of sockets.clients) socket.terminate();
      this.#http.close();
    });
  }

  async play(line: string): Promise<void> {
    const [kind, text] = [line.slice(0, 1), line.slice(2)];
    if (kind === '←') this.#current.socket.send(this.#names.fill(text, () => this.#invent()));
    else if (kind === '→') {
      this.#names.expectFrame(await this.#current.frames.next(undefined, { what: text }), text);
    } else if (kind === '—') await this.#happen(text);
    else throw new Error(`no line of a scenario: ${line}`);
  }

  /** The client sent only the documented frames, and made no further connections. */
  end(): void {
    expect(this.#visits.unread).toEqual([]);
    // It may send its disconnect.
    for (const { frames } of this.#visits.all) expect(frames.unread.filter((frame) => frame !== '41')).toEqual([]);
  }

  get #current(): Visit {
    if (this.#visit === undefined) throw new Error('no client has connected yet');
    return this.#visit;
  }

  get #client(): SocketIOClientHelper {
    if (this.#helper === undefined) throw new Error('the client was not started');
    return this.#helper;
  }

  async #happen(text: string): Promise<void> {
    const [, url, after] =
      /^the client opens a WebSocket to (\S+?)(?:, (\d+) ms later or after that)?$/.exec(text) ?? [];
    const [, asked, request = ''] =
      /^the program calls (joinRooms|leaveRooms)\(\{ rooms: (\[.*\]) \}\)$/.exec(text) ?? [];
    const [, answer] = /^it is answered (\{.*\})$/.exec(text) ?? [];
    const [, status] = /^the client stays away: (\w+)$/.exec(text) ?? [];
    if (url !== undefined) await this.#expectVisit(url, Number(after ?? 0));
    else if (asked !== undefined) {
      // The program asks as soon as the client has reported `authenticated`.
      await this.#client.waitFor('authenticated', { timeout: 5_000 });
      this.#answer = this.#client[asked as 'joinRooms' | 'leaveRooms']({ rooms: JSON.parse(request) });
    } else if (answer !== undefined) {
      this.#names.expectValue(await within(Promise.resolve(this.#answer), text), JSON.parse(answer));
    } else if (status !== undefined) {
      // In both cases only the program starts another attempt.
      expect(['refused', 'disconnected']).toContain(status);
      await eventually(() => this.#client.getStatus().status === status, { what: text });
    } else if (text === 'the server closes the connection') this.#close();
    else throw new Error(`unknown action: ${text}`);
  }

  async #expectVisit(url: string, afterMs: number): Promise<void> {
    this.#visit = await this.#visits.next(undefined, { what: 'the client connects', timeout: 10_000 });
    expect(this.#visit.url).toBe(url);
    if (afterMs > 0) expect(performance.now() - this.#closedAt).toBeGreaterThanOrEqual(afterMs - EARLY_MS);
  }

  #close(): void {
    this.#closedAt = performance.now();
    this.#current.socket.close();
  }

  #invent(): string {
    this.#invented += 1;
    return `invented-${this.#invented}`.padEnd(20, '_');
  }
}
