import { randomUUID } from 'node:crypto';
import { LEAST_LIFETIME_MS, LONGEST_LIFETIME_MS } from '../backplane/ledger-entries.js';
import { wrongArgument } from '../common/checks.js';
import { checkFields, needDuration, needRoom } from '../common/method-arguments.js';
import { readWhen } from '../common/when.js';
import { type KnownWho, needWho } from '../common/who.js';
import { RoomgateError } from '../protocol/errors.js';
import type { RevocationMessage } from './revocation-message.js';

const METHOD = 'revoke';
const FIELDS = ['user', 'session', 'id', 'room', 'issuedBefore', 'barFor', 'message', 'timeout'];
const TIMEOUT_MS = 5_000;

/** A call of `revoke()`. */
export interface RevokeCall {
  readonly message: RevocationMessage;
  /** For the users. */
  readonly text: string | undefined;
  readonly timeoutMs: number;
}

/** @throws RoomgateError `invalid_argument`. */
export function readRevokeCall(opts: Readonly<Record<string, unknown>>): RevokeCall {
  checkFields(METHOD, opts, FIELDS);
  const who = needWho(METHOD, opts);
  const { message: text, timeout } = opts;
  const room = opts.room === undefined ? undefined : needRoom(METHOD, 'room', opts.room);
  const issuedBefore = opts.issuedBefore === undefined ? undefined : needWhen(opts.issuedBefore);
  const barFor = opts.barFor === undefined ? 0 : needBar(opts.barFor, who);
  if (text !== undefined && typeof text !== 'string') throw wrongArgument(METHOD, 'message', 'a string', text);
  const timeoutMs = timeout === undefined ? TIMEOUT_MS : needDuration(METHOD, 'timeout', timeout);
  const livesFor = Math.max(LEAST_LIFETIME_MS, barFor);
  return { message: { id: randomUUID(), who, room, issuedBefore, barFor, livesFor }, text, timeoutMs };
}

function needWhen(issuedBefore: unknown): number {
  const moment = readWhen(issuedBefore);
  if (typeof moment === 'number') return moment;
  throw new RoomgateError('invalid_argument', `${METHOD}(): issuedBefore: ${moment}.`);
}

function needBar(barFor: unknown, { kind }: KnownWho): number {
  if (kind !== 'id') return needDuration(METHOD, 'barFor', barFor, LONGEST_LIFETIME_MS);
  const fix = 'A socket id never comes back: write { user } or { session }.';
  throw new RoomgateError('invalid_argument', `${METHOD}(): barFor: it has no effect together with "id". ${fix}`);
}
