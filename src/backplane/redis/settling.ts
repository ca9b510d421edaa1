import type { Adapter } from 'socket.io-adapter';
import { within } from '../../common/within.js';
import type { Reporter } from '../../ports/reports.js';
import { serverSideEmitWithAck } from '../../socketio/adapters.js';
import type { BackplaneReport } from '../reports.js';

/** In ms. The adapter waits for the answers of other servers for the same time. */
const COUNT_TIMEOUT_MS = 5_000;

interface SettlingParts {
  /** Whether answers of other instances arrive here. */
  isHearing(): boolean;
  readonly report: Reporter<BackplaneReport>;
}

type Acknowledge = (error: unknown, responses?: unknown) => void;

/**
 * Makes the promises and callbacks of an adapter for Redis settle while Redis is unreachable. Socket.IO calls serverCount() for each
 * broadcast with an acknowledgement and does not handle a rejection, which would end the process.
 */
export function settling(adapter: Adapter, { isHearing, report }: SettlingParts): Adapter {
  const { serverCount, serverSideEmit } = adapter;

  const count = async (): Promise<number> => {
    // The count would lack this instance, and the answers of the others would not arrive.
    if (!isHearing()) throw new Error('Redis is unreachable: answers from other instances cannot arrive here.');
    return within(serverCount.call(adapter), COUNT_TIMEOUT_MS, 'Redis did not answer in time.');
  };
  adapter.serverCount = () => new Count((resolve, reject) => void count().then(resolve, reject));

  // The adapter ignores a failure of serverCount() here, and would never call the callback.
  adapter.serverSideEmit = (packet) => {
    const acknowledge: Acknowledge | undefined = packet.at(-1);
    const isAsked = typeof acknowledge === 'function' && ask(adapter, packet, onlyOnce(acknowledge, report));
    if (!isAsked) serverSideEmit.call(adapter, packet);
  };
  return adapter;
}

/**
 * A promise whose rejection is never unhandled: every promise derived from it has a handler. Callers that await it still get
 * the error. Socket.IO does not await it, so its message with an acknowledgement fails by its own timeout.
 */
class Count extends Promise<number> {
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  // biome-ignore lint/suspicious/noThenProperty: it is a promise
  override then<A = number, B = never>(
    fulfilled?: ((value: number) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    const derived = super.then(fulfilled, rejected);
    derived.catch(() => {});
    return derived;
  }
}

/** Returns false if the adapter has no known private method for it: then the adapter's own method is called. */
function ask(adapter: Adapter, packet: readonly unknown[], acknowledge: Acknowledge): boolean {
  const asked = serverSideEmitWithAck(adapter, [...packet.slice(0, -1), acknowledge]);
  asked?.catch((error: unknown) => acknowledge(error, []));
  return asked !== undefined;
}

/** Calls the program's callback once. Reports what it throws, which would end the process. */
function onlyOnce(acknowledge: Acknowledge, report: Reporter<BackplaneReport>): Acknowledge {
  let called = false;
  return (error, responses) => {
    if (called) return;
    called = true;
    try {
      acknowledge(error, responses);
    } catch (thrown) {
      report({ type: 'handler_failed', where: 'a callback of serverSideEmit', error: thrown });
    }
  };
}
