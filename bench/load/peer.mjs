import { connect } from 'node:net';
import { feed, masked, tally } from './frames.mjs';
import { authenticatedByPolling } from './polling.mjs';

const upgradeOf = (sid) =>
  [
    `GET /io/?EIO=4&transport=websocket${sid === undefined ? '' : `&sid=${sid}`} HTTP/1.1`,
    'Host: localhost',
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
    '\r\n',
  ].join('\r\n');
const CONNECT = masked('40{"token":"good"}');
const AUTHENTICATE = masked('42["authenticate"]');
const PONG = masked('3');
const PROBE = masked('2probe');
const UPGRADED = masked('5');

/** All connections read into one buffer: its content is counted before the next one reads. */
const shared = Buffer.allocUnsafe(1 << 18);

/** One authenticated client of Socket.IO's protocol, implemented over a raw connection. */
export class Peer {
  skip = 0;
  rest = undefined;
  messages = 0;
  #upgraded = false;
  #isChange;
  #isStranger;
  #authenticated;
  #socket;

  /** Resolves once the server has sent `authenticated`; for a stranger, once its WebSocket is open. */
  static open(port, rooms, isStranger) {
    return new Promise((resolve, reject) => new Peer({ port, rooms, isStranger, resolve, reject }));
  }

  /** Authenticates over long polling, then upgrades to a WebSocket. Resolves once the server has answered the probe. */
  static async upgrade(port) {
    const sid = await authenticatedByPolling(port);
    return new Promise((resolve, reject) => new Peer({ port, sid, resolve, reject }));
  }

  constructor({ port, rooms, sid, isStranger, resolve, reject }) {
    this.rooms = rooms;
    this.#isStranger = isStranger;
    this.#isChange = sid !== undefined;
    this.#authenticated = () => resolve(this);
    const onread = { buffer: shared, callback: (size, buffer) => this.#read(size, buffer) };
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, onread });
    socket.on('connect', () => socket.write(upgradeOf(sid)));
    socket.on('error', reject);
    socket.on('close', () => {
      this.closed = true;
      reject(new Error('the server closed the connection'));
    });
    this.#socket = socket;
  }

  #read(size, buffer) {
    if (this.#upgraded) feed(this, buffer, size);
    else this.#handshake(size, buffer);
    return true;
  }

  #handshake(size, chunk) {
    const buffer = Buffer.concat([this.rest ?? Buffer.alloc(0), chunk.subarray(0, size)]);
    const end = buffer.indexOf('\r\n\r\n');
    this.rest = buffer;
    if (end < 0) return;
    if (!buffer.latin1Slice(0, 12).endsWith(' 101')) return this.#socket.destroy(new Error(buffer.latin1Slice(0, 60)));
    this.#upgraded = true;
    this.rest = undefined;
    if (this.#isChange) this.#socket.write(PROBE);
    if (buffer.length > end + 4) feed(this, buffer.subarray(end + 4), buffer.length - end - 4);
  }

  control(text) {
    if (this.#isStranger) this.#authenticated();
    else if (text.startsWith('0')) this.#socket.write(CONNECT);
    else if (text.startsWith('40')) this.#socket.write(AUTHENTICATE);
    else if (text === '3probe') {
      this.#socket.write(UPGRADED);
      this.#authenticated();
    } else if (text === '2') this.#socket.write(PONG);
    else if (text.startsWith('42["ping"')) tally.pings++;
    else if (text.startsWith('43')) tally.answered();
    else if (text.startsWith('42["authenticated"')) {
      if (this.rooms) this.#socket.write(masked(`42["join",{"rooms":${JSON.stringify(this.rooms)}}]`));
      this.#authenticated();
    }
  }

  say(text) {
    this.#socket.write(masked(`42["say","${text}"]`));
  }

  /** A frame from `masked`. Returns false if the server does not read. */
  write(frame) {
    return this.#socket.write(frame);
  }

  /** Resolves once the server has read what was written, or has closed the connection. */
  drained() {
    return new Promise((resolve) => {
      const done = () => {
        this.#socket.off('drain', done).off('close', done);
        resolve();
      };
      this.#socket.on('drain', done).on('close', done);
    });
  }

  /**
   * Stops reading: later data stays in the kernel's buffers, then in the server's. The client still answers pings,
   * which it cannot see, so that the server closes it for its backlog and not for its silence.
   */
  pause() {
    this.#socket.pause();
    const timer = setInterval(() => this.#socket.write(PONG), 5_000);
    this.#socket.on('close', () => clearInterval(timer));
  }

  /** A reset leaves no port in TIME_WAIT. */
  close() {
    this.#socket.resetAndDestroy();
  }
}
