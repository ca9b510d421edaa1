import type { ServerOptions } from 'socket.io';
import { NodeFanout } from '../fanout/node-fanout.js';
import type { FanoutOptions } from '../fanout/options.js';
import type { EngineFanout, Fanout } from '../ports/fanout.js';
import type { Reporter } from '../ports/reports.js';
import type { Attached, EngineRuntime, GuardOrigins, Runtime } from '../ports/runtime.js';
import type { Wire, WireSource } from '../ports/wire.js';
import { NodeRuntime } from '../runtime/node-runtime.js';
import { newSocketId } from '../session/socket-id.js';
import { Pacing } from '../socketio/pacing.js';
import type { Report } from './reports.js';
import type { ResolvedOptions } from './resolve-options.js';

// Modules for one runtime, or for Redis, are imported where they are used, so that no other instance loads them.

/** What a client may leave unread while more than a few of its messages wait, as a share of what ends it. */
const UNREAD_SHARE = 4;

/** The runtime that the options name. */
export async function createPlatform(options: ResolvedOptions, parts: PlatformParts): Promise<Platform> {
  const { report, tooFast, tooLarge } = parts;
  const { queuedBytes } = options.limits;
  let fanoutOf: Fanout | undefined;
  const unread = (wire: Wire): number => fanoutOf?.unread(wire) ?? 0;
  const pace = { pacing: new Pacing(options.limits, unread, queuedBytes / UNREAD_SHARE), tooFast, tooLarge };
  const fanoutOptions = { coalesce: options.fanout, mostBytes: queuedBytes, ...parts };
  if (options.runtime === 'node') {
    const fanout = new NodeFanout(fanoutOptions);
    fanoutOf = fanout;
    return platformOf(new NodeRuntime(options.server, report, newSocketId, pace), fanout);
  }
  const { BunRuntime } = await import('../runtime/bun/bun-runtime.js');
  const { BunFanout } = await import('../fanout/bun-fanout.js');
  const fanout = new BunFanout(fanoutOptions);
  fanoutOf = fanout;
  const runtime = new BunRuntime(options.engine, options.server, options.identifier, report, {
    ...pace,
    filledByPongs: (wire) => fanout.check(wire),
  });
  return platformOf(runtime, fanout);
}

/** What the runtime and the fan-out need of the others. */
export type PlatformParts = Required<Pick<FanoutOptions, 'tooSlow' | 'sweep'>> & {
  readonly tooFast: (wire: Wire) => void;
  /** A client sent more than `maxHttpBufferSize`. `answer`: the code of the WebSocket's close frame, or the status of a POST. */
  readonly tooLarge: (wire: Wire, answer: 1009 | 413) => void;
  readonly report: Reporter<Report>;
};

/** A runtime, and the fan-out over its engine. */
export interface Platform {
  readonly runtime: Runtime;
  readonly fanout: Fanout;
  /** Attaches the Socket.IO server, and passes its engine from the runtime to the fan-out. */
  readonly attach: (serverOptions: Partial<ServerOptions>, guardOrigins: GuardOrigins) => Attached<WireSource>;
}

function platformOf<Engine extends WireSource>(runtime: EngineRuntime<Engine>, fanout: EngineFanout<Engine>): Platform {
  return {
    runtime,
    fanout,
    attach: (serverOptions, guardOrigins) => {
      const attached = runtime.attach(serverOptions, guardOrigins);
      fanout.attach(attached.engine);
      return attached;
    },
  };
}
