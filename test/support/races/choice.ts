import type { Client } from './client.js';
import type { Dice } from './dice.js';
import type { Messages } from './messages.js';
import type { Model } from './model.js';
import type { Stage } from './stage.js';

/** What may happen in a step. Its name says everything about it, and is printed if the seed fails. */
export interface Choice {
  readonly name: string;
  /** How often it happens, in comparison with others. */
  readonly weight: number;
  /** Tells the model, before it happens. */
  readonly before?: (() => void) | undefined;
  readonly act: () => void | Promise<void>;
  /** Tells the model, when everything has followed from it. */
  readonly after?: (() => void) | undefined;
}

/** What the parts of one play share. */
export interface Scene {
  readonly dice: Dice;
  readonly model: Model;
  readonly stage: Stage;
  readonly messages: Messages;
  readonly network: NetworkState;
  /** How often a seed does this, in comparison with other seeds: some play a few kinds of events again and again. */
  readonly taste: (kind: string) => number;
  readonly fault: (text: string) => void;
}

/** The connection between the two instances, and what has not reached the other one yet. */
export interface NetworkState {
  state: 'open' | 'paused' | 'cut';
  held: Held[];
}

export interface Held {
  readonly to: number;
  readonly act: () => void;
  /** Whether it is in the ledger, which is read after the instance was cut off. */
  readonly isKept: boolean;
}

/** Clients to choose from: mostly those that are authenticated. */
export function named(
  clients: readonly Client[],
): { readonly name: string; readonly weight: number; client: Client }[] {
  return clients.map((client) => ({ name: client.wire, weight: client.state === 'in' ? 3 : 1, client }));
}
