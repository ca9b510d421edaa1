// npm test: node
// npm run test:matrix: newest-node
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { describe, expect, it } from 'vitest';
import { setCloseTimeout, setLargestBody } from '../../src/socketio/engine-io.js';
import { onSocketGone } from '../../src/socketio/socket-io.js';
import { GuardedWebSocket, limitsHold } from '../../src/socketio/ws.js';
import { defer } from '../support/cleanup.js';
import { eventually } from '../support/facts.js';
import { rawPolling } from '../support/raw.js';

interface TPolling {
  readonly closeTimeout?: number;
  readonly maxHttpBufferSize?: number;
  readonly opts?: { readonly maxHttpBufferSize?: number };
}

const LIMITS = { mostBytes: 200, mostFragments: 4, closeTimeoutMs: 1_000 };

/** What an update of a package may move. Each part has a fallback; these tests notice that it is in use. */
describe('what is private to other packages is where it is looked for:', () => {
  it('the limits of a WebSocket of ws', () => {
    expect(limitsHold(LIMITS)).toBe(true);
  });

  it('the limits of a WebSocket of ws, which are given up where its receiver has another form', () => {
    class Moved extends GuardedWebSocket {
      override limit(): void {}
    }
    expect(limitsHold(LIMITS, Moved)).toBe(false);
    class Throws extends GuardedWebSocket {
      override lift(): void {
        throw new Error('moved');
      }
    }
    expect(limitsHold(LIMITS, Throws)).toBe(false);
  });

  it('the fields of a polling transport of engine.io, and a socket of socket.io that is refused', async () => {
    const http = createServer();
    const io = new Server(http);
    defer(() => io.close());
    const gone: string[] = [];
    expect(onSocketGone(io.sockets, ({ id }) => gone.push(id))).toBe(true);
    const transports: TPolling[] = [];
    io.engine.on('connection', ({ transport }) => transports.push(transport));
    io.use((_, next) => next(new Error('not you')));
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const { port } = http.address() as { port: number };
    const polling = await rawPolling(`http://127.0.0.1:${port}`);
    await expect(polling.connect('/')).rejects.toThrow('not you');
    await eventually(() => expect(gone).toHaveLength(1));
    const [transport] = transports;
    setCloseTimeout(transport, 5);
    expect(transport?.closeTimeout).toBe(5);
    expect(setLargestBody(transport, 7)).toBe(1_000_000);
    expect(setLargestBody(transport, 1_000_000)).toBe(7);
    expect(transport?.maxHttpBufferSize ?? transport?.opts?.maxHttpBufferSize).toBe(1_000_000);
  });

  it('the largest body of a polling transport, as a field or as an option of its own', () => {
    const field = { name: 'polling', maxHttpBufferSize: 10 };
    expect(setLargestBody(field, 7)).toBe(10);
    expect(field).toEqual({ name: 'polling', maxHttpBufferSize: 7 });
    const shared = { maxHttpBufferSize: 10, httpCompression: false };
    const option = { name: 'polling', opts: shared };
    expect(setLargestBody(option, 7)).toBe(10);
    expect(option).toEqual({ name: 'polling', opts: { maxHttpBufferSize: 7, httpCompression: false } });
    expect(shared.maxHttpBufferSize).toBe(10);
  });

  it('and what has none of it is left alone', () => {
    const transport = { name: 'polling' };
    setCloseTimeout(transport, 5);
    expect(setLargestBody(transport, 7)).toBeUndefined();
    expect(setLargestBody(undefined, 7)).toBeUndefined();
    expect(transport).toEqual({ name: 'polling' });
    expect(onSocketGone({} as never, () => {})).toBe(false);
  });
});
