import { hasMethods } from '../common/checks.js';
import type { IBunServerHandle } from '../ports/http-server.js';
import { RoomgateError } from '../protocol/errors.js';
import { RuntimeModules } from '../runtime/runtime-modules.js';

/** The part of the namespace `Bun` that is used. */
interface BunGlobal {
  serve(options: object): IBunServerHandle;
}

/** The namespace `Bun`. `method`: for the error of a Bun without `Bun.serve()`. @throws RoomgateError `unsupported` */
export function bunFor(method: string): BunGlobal {
  const world: object = globalThis;
  if (hasBun(world)) return world.Bun;
  throw new RoomgateError('unsupported', `${method}: expected Bun with Bun.serve(), which this Bun lacks. Update Bun.`);
}

/** @throws RoomgateError `unsupported` on Node.js. */
export function refuseOnNode(method: string): void {
  if (RuntimeModules.isBun()) return;
  throw new RoomgateError(
    'unsupported',
    `${method}: expected Bun, received Node.js ${process.versions.node}. On Node.js write start(server).`,
  );
}

function hasBun(world: object): world is { readonly Bun: BunGlobal } {
  return 'Bun' in world && hasMethods(world.Bun, ['serve']);
}
