import { within } from '../support/facts.js';
import type { Victim } from './victim.js';

export const TRANSPORTS = ['websocket', 'polling', 'polling, then upgraded'] as const;
export type Transport = (typeof TRANSPORTS)[number];

interface Wire {
  send(...frames: (string | Buffer)[]): Promise<unknown>;
  /** The next received frames, at least one; rejects once the connection is closed. */
  receive(): Promise<(string | Buffer)[]>;
}

/** An attacker in the namespace `/`, over any transport, frame by frame. */
export class Peer {
  readonly sid: string;
  readonly #victim: Victim;
  readonly #wire: Wire;
  #unread: string[] = [];

  constructor(victim: Victim, wire: Wire, sid: string) {
    this.#victim = victim;
    this.#wire = wire;
    this.sid = sid;
  }

  /** Frames in Engine.IO's format: `42[…]`, and buffers for binary data. */
  async send(...frames: (string | Buffer)[]): Promise<void> {
    await this.#wire.send(...frames);
  }

  /** All frames up to and including the first one that `accepts` matches. */
  async heardUntil(accepts: (frame: string) => boolean, what = 'a frame'): Promise<string[]> {
    const heard: string[] = [];
    for (;;) {
      while (this.#unread.length === 0) this.#unread = (await within(this.#wire.receive(), what, 10_000)).map(String);
      const frame = this.#unread.shift() ?? '';
      heard.push(frame);
      if (accepts(frame)) return heard;
    }
  }

  /**
   * The program sends this socket a question, and the peer answers it. So everything that the peer sent before has been
   * processed, and everything that was sent to it has arrived. Returns the received frames.
   */
  async heardSoFar(): Promise<string[]> {
    const first = await this.#marker();
    // Responses to frames before the answer arrive before the second question.
    return [...first, ...(await this.#marker())];
  }

  async #marker(): Promise<string[]> {
    const asking = this.#victim.call('ask', { id: this.sid });
    const heard = await Promise.race([this.heardUntil((frame) => /^42\d+\["marker"/.test(frame)), asking.then(never)]);
    const [, id = ''] = /^42(\d+)/.exec(heard.pop() ?? '') ?? [];
    await this.send(`43${id}["here"]`);
    await asking;
    return heard;
  }

  /** All frames until the server closes the connection. */
  async heardToTheEnd(): Promise<string[]> {
    const heard = this.#unread.splice(0);
    for (;;) {
      try {
        heard.push(...(await within(this.#wire.receive(), 'the end of the connection', 10_000)).map(String));
      } catch (error) {
        if (String(error).includes('not within')) throw error;
        return heard;
      }
    }
  }
}

function never(): Promise<never> {
  return new Promise(() => {});
}

/** Connects to the namespace `/`, and does nothing else. */
export async function openPeer(victim: Victim, transport: Transport, auth: object = {}): Promise<Peer> {
  if (transport === 'websocket') {
    const socket = await victim.webSocket();
    const { sid } = await socket.connect('/', auth);
    return new Peer(victim, overWebSocket(socket), sid);
  }
  const polling = await victim.polling();
  const { sid } = await polling.connect('/', auth);
  if (transport === 'polling') return new Peer(victim, overPolling(polling), sid);
  const socket = await victim.webSocket({ query: { sid: polling.sid } });
  socket.send('2probe');
  await socket.frames.next((frame) => frame === '3probe', { what: 'an answer to the probe' });
  socket.send('5');
  return new Peer(victim, overWebSocket(socket), sid);
}

function overWebSocket(socket: Awaited<ReturnType<Victim['webSocket']>>): Wire {
  return {
    send: async (...frames) => {
      for (const frame of frames) socket.send(frame);
    },
    receive: async () => [await socket.frames.next()],
  };
}

function overPolling(polling: Awaited<ReturnType<Victim['polling']>>): Wire {
  return {
    send: (...frames) =>
      polling.post(...frames.map((frame) => (typeof frame === 'string' ? frame : `b${frame.toString('base64')}`))),
    receive: async () => {
      const packets = await polling.poll(15_000);
      // Packets of Engine.IO itself: noop and close.
      if (packets.includes('1')) throw new Error('the session was closed');
      return packets.filter((packet) => packet !== '6');
    },
  };
}

/** An authenticated peer. */
export async function openAuthenticated(victim: Victim, transport: Transport, auth: object = {}): Promise<Peer> {
  const peer = await openPeer(victim, transport, { verdict: 'yes', ...auth });
  await peer.send('42["authenticate"]');
  await peer.heardUntil((frame) => frame.startsWith('42["authenticated"'), 'authenticated');
  return peer;
}
