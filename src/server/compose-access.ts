import { Fence } from '../gate/fence.js';
import { Revoker } from '../gate/revoker.js';
import { Explainer, type ExplainerOptions } from '../limits/explainer.js';
import type { Backplane } from '../ports/backplane.js';
import type { Reporter } from '../ports/reports.js';
import { ProgramJoins } from '../rooms/program-joins.js';
import { Revalidation, type RevalidationOptions } from '../rooms/revalidation.js';
import { SocketSearch } from '../rooms/socket-search.js';
import type { Registry } from '../session/registry.js';
import type { Performer } from './performer.js';
import type { Report } from './reports.js';
import type { ResolvedBaseOptions } from './resolve-options.js';
import type { RoomPerformer } from './room-performer.js';

/** The parts that other instances ask, or that depend on whether these can be heard. */
export interface Asked {
  readonly search: SocketSearch;
  readonly programJoins: ProgramJoins;
  readonly revalidation: Revalidation;
  readonly explainer: Explainer;
  readonly revoker: Revoker;
  readonly fence: Fence | undefined;
}

export interface AskedOptions extends Pick<RevalidationOptions, 'recheck'>, Pick<ExplainerOptions, 'facts'> {
  readonly options: ResolvedBaseOptions;
  readonly registry: Registry;
  readonly report: Reporter<Report>;
}

/** Creates them before the backplane opens, so that no instance waits for an answer. */
export function claimTopics(backplane: Backplane, { options, registry, recheck, facts, report }: AskedOptions): Asked {
  const { bus, instances, ledger, reach } = backplane;
  const { guardTimeout, authenticateTimeout, fenceAfter, limits } = options;
  const { roomNameLength } = limits;
  const decisionMs = Math.max(authenticateTimeout, guardTimeout);
  return {
    search: new SocketSearch(bus, (id) => registry.has(id)),
    programJoins: new ProgramJoins({ bus, registry }),
    revalidation: new Revalidation({ bus, instances, recheck, guardTimeout, roomNameLength }),
    explainer: new Explainer({ bus, roomNameLength, facts }),
    revoker: new Revoker({ bus, ledger, registry, decisionMs, report }),
    fence: fenceAfter === undefined ? undefined : new Fence({ reach, fenceAfter, report }),
  };
}

/** From now on they can end clients. Before that there are none. */
export function attachAccess(
  { revoker, fence }: Pick<Asked, 'revoker' | 'fence'>,
  performer: Performer,
  roomsDo: RoomPerformer,
): void {
  const sendAllBack = (): number => performer.sendAllBack();
  revoker.attach({
    revoke: (session, text) => performer.revoke(session, text),
    revokeRoom: (session, room, text) => roomsDo.revoke(session, room, text),
    sendAllBack,
  });
  fence?.attach(sendAllBack);
}
