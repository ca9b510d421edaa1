import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A proxy between one client and its server. */
export interface Wire {
  /** The server's address through the proxy. */
  readonly url: string;
  /** Stops reading in both directions, and closes nothing. */
  pause(): void;
  resume(): void;
  /** The server sees a reset. */
  reset(): void;
  /** The server sees the end of the peer's data (FIN). */
  fin(): void;
  stop(): void;
}

/** A proxy for a single client: the one of test/support serves many clients, and can't close one direction only. */
export async function startWire(target: string): Promise<Wire> {
  const { protocol, port } = new URL(target);
  const pairs = new Set<readonly [near: Socket, far: Socket]>();
  let held = false;
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = connect({ host: '127.0.0.1', port: Number(port), allowHalfOpen: true, noDelay: true });
    const pair = [near, far] as const;
    pairs.add(pair);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on('error', () => undefined);
      one.once('close', (failed) => {
        pairs.delete(pair);
        if (failed) other.resetAndDestroy();
        else other.destroySoon();
      });
    }
    if (!held) flow(pair);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `${protocol}//127.0.0.1:${(server.address() as AddressInfo).port}`,
    pause() {
      held = true;
      for (const [near, far] of pairs) {
        near.unpipe(far).pause();
        far.unpipe(near).pause();
      }
    },
    resume() {
      if (held) for (const pair of pairs) flow(pair);
      held = false;
    },
    reset() {
      for (const [, far] of pairs) far.resetAndDestroy();
    },
    fin() {
      for (const [, far] of pairs) far.end();
    },
    stop() {
      server.close();
      for (const [near, far] of pairs) {
        near.destroy();
        far.destroy();
      }
    },
  };
}

function flow([near, far]: readonly [Socket, Socket]): void {
  near.pipe(far);
  far.pipe(near);
}
