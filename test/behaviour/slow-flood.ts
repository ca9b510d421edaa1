import { expect } from 'vitest';
import { defer } from '../support/cleanup.js';
import { eventually } from '../support/facts.js';
import { type PollingPeer, type RawOptions, rawPolling, rawWebSocket, type WebSocketPeer } from '../support/raw.js';
import type { TestClient } from '../support/server.js';
import type { Served } from './program.js';

/** Bytes of one message. */
export const SIZE = 100_000;
/** Far below the limit of a client's queue. */
const IN_ONE_GO = 4;
/** More than two kernels buffer. */
const MOST = 1_200;

/** Sends in the program: `count` numbered messages, starting at `first`. */
type Send = (first: number, count: number) => Promise<unknown>;

/**
 * Sends numbered messages in small groups: the next group follows once a witness has received the last one, so that no
 * reading client falls behind, even on a slow machine.
 */
export class Flood {
  /** The number of sent messages. */
  sent = 0;
  readonly #send: Send;
  readonly #heardAll: (sent: number) => boolean;

  constructor(send: Send, heardAll: (sent: number) => boolean) {
    this.#send = send;
    this.#heardAll = heardAll;
  }

  async go(): Promise<void> {
    await this.#send(this.sent, IN_ONE_GO);
    this.sent += IN_ONE_GO;
    await eventually(() => this.#heardAll(this.sent), { timeout: 20_000, what: 'the witness has received the flood' });
  }

  async until(done: () => Promise<boolean>): Promise<void> {
    while (!(await done())) {
      if (this.sent >= MOST) throw new Error(`nothing has happened after ${this.sent} messages`);
      await this.go();
    }
  }
}

/** A flood to all authenticated clients. */
export function floodAll(server: Served, ...witnesses: readonly TestClient[]): Flood {
  const send: Send = (first, count) =>
    server.run(
      ({ helper }, from, to, size) => {
        for (let n = from; n < to; n++) {
          // Incompressible data.
          const bytes = crypto.getRandomValues(new Uint8Array(size / 2));
          helper.send({ payload: { topic: 'n', data: [n, Buffer.from(bytes).toString('hex')] } });
        }
      },
      first,
      first + count,
      SIZE,
    );
  return new Flood(send, (sent) => witnesses.every((witness) => numbersOf(witness).length >= sent));
}

/** The numbers that a client received. */
export function numbersOf({ heard }: TestClient): number[] {
  return heard.flatMap(([event, payload]) => (event === 'n' ? [(payload as [number])[0]] : []));
}

/** The numbers in packets of Engine.IO. */
export function numbersIn(packets: readonly (string | Buffer)[]): number[] {
  return packets.flatMap((packet) => {
    const [, n] = /^42(?:\/\w+,)?\["n",\[(\d+)/.exec(String(packet).slice(0, 40)) ?? [];
    return n === undefined ? [] : [Number(n)];
  });
}

export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}

/** Whether the server has removed this client. */
export function isGone(server: Served, id: string): Promise<boolean> {
  return server.run(({ helper }, own) => helper.getClients({ id: own }) === undefined, id);
}

/** Expects one log line for each of these clients, and no other. */
export async function expectTooSlow(server: Served, ...clients: readonly string[]): Promise<void> {
  const lines = await server.run(({ lines }) => lines.filter((line) => /^(warn|error)/.test(line)));
  for (const client of clients) {
    expect(lines).toContainEqual(
      expect.stringMatching(new RegExp(`^warn: .*: closed ${client}: it reads too slowly, \\d+ bytes were queued;`)),
    );
  }
  expect(lines.length, lines.join('\n')).toBe(clients.length);
  expect(server.program.stderr).toBe('');
}

/** An authenticated client without a library, which would keep reading. */
export async function enterWebSocket(
  { url }: Served,
  options?: RawOptions,
): Promise<WebSocketPeer & { readonly id: string }> {
  const socket = await rawWebSocket(url, options);
  const { sid: id } = await socket.connect('/', { token: 'good' });
  socket.emit('authenticate');
  await socket.event('authenticated');
  return Object.assign(socket, { id });
}

export async function enterPolling({ url }: Served): Promise<PollingPeer & { readonly id: string }> {
  const polling = await rawPolling(url);
  // Without a close packet the server would keep the session until its ping timeout.
  defer(() => polling.post('1').catch(() => undefined));
  const { sid: id } = await polling.connect('/', { token: 'good' });
  await polling.emit('authenticate');
  await polling.next((packet) => packet.startsWith('42["authenticated"'));
  return Object.assign(polling, { id });
}
