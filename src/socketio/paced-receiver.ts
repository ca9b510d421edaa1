import type { EngineReceiver } from './engine-types.js';

/** Gets what the receiver of a WebSocket would. */
export interface ReceiverInput {
  /** Bytes of the peer. Returns false if the receiver asks to wait. */
  receive(bytes: Buffer): boolean;
  /** The peer sends no more bytes. */
  receiveEnd(): void;
}

const INPUT = Symbol('input');
const PLAIN = Symbol('plain');

interface PacedReceiver extends EngineReceiver {
  [INPUT]?: ReceiverInput;
  /** The prototype of `ws`, on ours. */
  [PLAIN]?: EngineReceiver;
}

/** Prototypes of paced receivers, by those of `ws`. One for all, because functions of its own would cost each idle client memory. */
const paced = new WeakMap<object, object>();

/** From now on `input` gets what the receiver would. */
export function paceReceiver(receiver: PacedReceiver, input: ReceiverInput): void {
  const plain: EngineReceiver = Object.getPrototypeOf(receiver);
  let prototype = paced.get(plain);
  if (prototype === undefined) {
    const members: Pick<PacedReceiver, 'write' | 'end' | typeof PLAIN> & ThisType<PacedReceiver> = {
      [PLAIN]: plain,
      write(chunk) {
        return this[INPUT]?.receive(chunk) ?? true;
      },
      end() {
        this[INPUT]?.receiveEnd();
      },
    };
    prototype = Object.assign(Object.create(plain) as object, members);
    paced.set(plain, prototype);
  }
  receiver[INPUT] = input;
  Object.setPrototypeOf(receiver, prototype);
}

/** Passes bytes to the method of `ws`. */
export function writePlain(receiver: PacedReceiver, bytes: Buffer): boolean {
  return plainOf(receiver).write.call(receiver, bytes);
}

/** Calls the method of `ws`. */
export function endPlain(receiver: PacedReceiver): void {
  plainOf(receiver).end.call(receiver);
}

function plainOf(receiver: PacedReceiver): EngineReceiver {
  return receiver[PLAIN] ?? Object.getPrototypeOf(receiver);
}
