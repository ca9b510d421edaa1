import { RoomgateError } from '../protocol/errors.js';
import type { IRuntime } from '../server/ports.js';

/** Refuses for now: nothing of what is promised has been tried on Bun's engine. */
export function createBunRuntime(): IRuntime {
  throw new RoomgateError(
    'unsupported',
    'runtime: "bun" is not supported by this version. Run the server on Node.js with runtime: "node"; clients may be on Bun.',
  );
}
