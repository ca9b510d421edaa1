import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type Stoppable, track } from './cleanup.js';

/** A TCP relay in front of a server that records what clients send. It does not touch the server, so HTTP works as usual. */
export interface RecordingRelay extends Stoppable {
  readonly url: string;
  /** What clients have sent so far on all connections: their bytes as text, and the text in frames of WebSocket. */
  readonly sent: string;
  /** Forgets what was recorded so far. Frames that come later are still read. */
  clear(): void;
  /** Resets every connection on both sides. */
  cut(): void;
}

export async function startRelay(serverUrl: string): Promise<RecordingRelay> {
  const { hostname, port } = new URL(serverUrl);
  const records = new Set<Recording>();
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    const recording = new Recording();
    records.add(recording);
    near.on('data', (bytes) => recording.add(bytes));
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one);
      one.setNoDelay(true);
      one.on('error', () => other.destroy());
      one.on('close', () => open.delete(one));
      one.pipe(other);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    for (const socket of open) socket.resetAndDestroy();
  };
  return track({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get sent() {
      return [...records].map((recording) => recording.text).join('\n');
    },
    clear: () => {
      for (const recording of records) recording.clear();
    },
    cut,
    stop: () => {
      server.close();
      cut();
    },
  });
}

/** The bytes of one connection. Clients mask their frames of WebSocket, so these are decoded too. */
class Recording {
  #text = '';
  /** Bytes of WebSocket that are no whole frame yet; undefined before the upgrade. */
  #frames: Buffer | undefined;

  get text(): string {
    return this.#text;
  }

  clear(): void {
    this.#text = '';
  }

  add(bytes: Buffer): void {
    if (this.#frames === undefined) {
      this.#text += bytes.toString('latin1');
      // A client sends its first frame after the answer to this request.
      if (/upgrade: websocket[\s\S]*\r\n\r\n$/i.test(bytes.toString('latin1'))) this.#frames = Buffer.alloc(0);
      return;
    }
    this.#frames = Buffer.concat([this.#frames, bytes]);
    for (let frame = firstFrame(this.#frames); frame !== undefined; frame = firstFrame(this.#frames)) {
      this.#text += `${frame.payload}\n`;
      this.#frames = this.#frames.subarray(frame.length);
    }
  }
}

/** @see https://www.rfc-editor.org/rfc/rfc6455#section-5.2 */
function firstFrame(bytes: Buffer): { readonly length: number; readonly payload: string } | undefined {
  if (bytes.length < 2) return undefined;
  const short = bytes.readUInt8(1) & 127;
  const extra = short === 126 ? 2 : short === 127 ? 8 : 0;
  const start = 2 + extra + 4;
  if (bytes.length < start) return undefined;
  const size = extra === 2 ? bytes.readUInt16BE(2) : extra === 8 ? Number(bytes.readBigUInt64BE(2)) : short;
  if (bytes.length < start + size) return undefined;
  const mask = bytes.subarray(start - 4, start);
  const payload = Buffer.from(bytes.subarray(start, start + size).map((byte, at) => byte ^ mask.readUInt8(at % 4)));
  return { length: start + size, payload: payload.toString('utf8') };
}
