import { isRecord } from '../common/checks.js';
import { isName, RejectedMessageError } from '../common/instance-messages.js';
import { type KnownWho, readWho } from '../common/who.js';
import type { InstanceMessage } from '../ports/backplane/bus.js';
import type { LedgerEntry } from '../ports/backplane/ledger.js';
import type { Revocation } from './revocations.js';

/** A revocation as instances tell it each other, and as the ledger keeps it: durations only, because clocks differ. */
export interface RevocationMessage {
  readonly id: string;
  readonly who: KnownWho;
  readonly room: string | undefined;
  readonly issuedBefore: number | undefined;
  /** How long new decisions are refused too, in milliseconds. */
  readonly barFor: number;
  /** How long the ledger keeps it after the access was withdrawn, in milliseconds. */
  readonly livesFor: number;
}

/** The message without its id, as JSON values. */
export function bodyOf({ who, room, issuedBefore, barFor, livesFor }: RevocationMessage): InstanceMessage {
  return { who: { [who.kind]: who.name }, room, issuedBefore, barFor, livesFor };
}

/** @throws RejectedMessageError */
function messageOf(id: unknown, body: unknown): RevocationMessage {
  const { who: given, room, issuedBefore, barFor, livesFor } = isRecord(body) ? body : {};
  const who = readWho(given);
  const isWhole =
    isName(id) &&
    who !== undefined &&
    isName(who.name) &&
    (room === undefined || isName(room)) &&
    (issuedBefore === undefined || Number.isFinite(issuedBefore));
  if (!isWhole || !isDuration(barFor) || !isDuration(livesFor)) throw new RejectedMessageError('an invalid revocation');
  return {
    id,
    who,
    room,
    issuedBefore: issuedBefore === undefined ? undefined : Number(issuedBefore),
    barFor,
    livesFor,
  };
}

/** A revocation of the ledger. @throws RejectedMessageError */
export function ofLedger({ id, value, remainingMs }: LedgerEntry, now: number): Revocation {
  return received(messageOf(id, JSON.parse(value)), remainingMs, now);
}

/** A revocation that another instance tells, with the text for its users. @throws RejectedMessageError */
export function ofInstance({ id, text, remainingMs, ...body }: InstanceMessage, now: number): Revocation {
  if (!isDuration(remainingMs)) throw new RejectedMessageError('an invalid revocation');
  return received(messageOf(id, body), remainingMs, now);
}

/** What has passed of its life is its age. */
function received(message: RevocationMessage, remainingMs: number, now: number): Revocation {
  return revocationOf(message, now - Math.max(0, message.livesFor - remainingMs), now + remainingMs);
}

/** `at`: when the access was withdrawn, by `performance.now()`. */
export function revocationOf(message: RevocationMessage, at: number, knownUntil = at + message.livesFor): Revocation {
  const { id, who, room, issuedBefore, barFor } = message;
  return { id, who, room, issuedBefore, at, barredUntil: barFor > 0 ? at + barFor : undefined, knownUntil };
}

function isDuration(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && Number.isFinite(value);
}
