import { Decoder, Encoder, type Packet, PacketType } from 'socket.io-parser';
import WebSocket from 'ws';
import { authOf, type Ears, type MemorySession, type Visitor } from './client.js';
import { NAMESPACES } from './plan.js';

/** A WebSocket with only the parser: it also sees frames that a client library would hide. */
export class RawSession implements MemorySession {
  readonly #socket: WebSocket;
  readonly #ears: Ears;
  readonly #encoder = new Encoder();
  readonly #answers = new Map<number, () => void>();
  #last = 0;
  #over = false;

  static async open(url: string, visitor: Visitor, ears: Ears): Promise<RawSession> {
    const target = `${url.replace(/^http/, 'ws')}/socket.io/?EIO=4&transport=websocket`;
    const socket = new WebSocket(target, { perMessageDeflate: visitor.plan.deflate, rejectUnauthorized: false });
    const session = new RawSession(socket, ears);
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.on('error', reject);
    });
    for (const [nsp, name] of NAMESPACES.entries()) {
      if (nsp === 0 || visitor.plan.other)
        session.#send({ type: PacketType.CONNECT, nsp: name, data: authOf(visitor) });
    }
    return session;
  }

  private constructor(socket: WebSocket, ears: Ears) {
    const decoder = new Decoder();
    this.#socket = socket;
    this.#ears = ears;
    decoder.on('decoded', (packet: Packet) => this.#receive(packet));
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      const text = isBinary ? '' : data.toString('utf8');
      try {
        if (isBinary) decoder.add(data);
        else if (text === '2') socket.send('3');
        else if (text.startsWith('4')) decoder.add(text.slice(1));
      } catch (error) {
        // For example a text frame where an attachment was expected.
        this.#end(String(error));
        socket.terminate();
      }
    });
    socket.on('close', () => this.#end('transport close'));
  }

  emit(nsp: number, topic: string, args: readonly unknown[], answer?: () => void): void {
    this.#last += 1;
    if (answer !== undefined) this.#answers.set(this.#last, answer);
    const id = answer === undefined ? {} : { id: this.#last };
    this.#send({ type: PacketType.EVENT, nsp: NAMESPACES[nsp] ?? '/', data: [topic, ...args], ...id });
  }

  async upgrade(): Promise<void> {}

  close(): void {
    this.#socket.close();
  }

  #send(packet: Packet): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    for (const part of this.#encoder.encode(packet)) this.#socket.send(typeof part === 'string' ? `4${part}` : part);
  }

  #receive({ type, nsp: name, data, id }: Packet): void {
    const nsp = (NAMESPACES as readonly string[]).indexOf(name);
    if (type === PacketType.CONNECT) this.#ears.connected(nsp, data.sid);
    else if (type === PacketType.ACK) this.#answers.get(id ?? 0)?.();
    else if (type === PacketType.DISCONNECT && nsp === 0) this.#over = true;
    else if (type === PacketType.EVENT || type === PacketType.BINARY_EVENT) this.#event(nsp, data, id);
  }

  #event(nsp: number, args: readonly unknown[], id: number | undefined): void {
    if (this.#over && nsp === 0) this.#ears.event(nsp, ['something after its end', ...args]);
    else if (id === undefined) this.#ears.event(nsp, args);
    else {
      const answer = (of: unknown): void =>
        this.#send({ type: PacketType.ACK, nsp: NAMESPACES[nsp] ?? '/', data: [of], id });
      this.#ears.event(nsp, args, answer);
    }
  }

  #end(reason: string): void {
    this.#ears.ended(reason);
  }
}
