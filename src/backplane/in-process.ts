import type { IBackplane, TIdOwner } from '../server/ports.js';

/** An instance that stands alone: there is no other to ask, and Socket.IO's own adapter reaches every socket there is. */
export function createInProcessBackplane(): IBackplane {
  return {
    open: async () => {},
    adapterFactory: () => undefined,
    emitter: () => undefined,
    findSockets: async (ids) => new Map(ids.map((id): [string, TIdOwner] => [id, 'nowhere'])),
    close: async () => {},
  };
}
