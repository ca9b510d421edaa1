import { checkedName } from '../names.js';
import { type HistoryRequest, isBlank, MAX_ECHO, MAX_TEXT, type TypingRequest } from '../words.js';

/** Half of a character. JSON can contain it, but scripts in Redis can't read it. */
const LONE_SURROGATE = /\p{Surrogate}/u;

const MAX_REASON = 200;

/** An error message for the sender of a wrong value. */
export class Refusal extends Error {}

/** The fields of a payload, or none if it is not an object. */
export function fieldsOf(payload: unknown): Readonly<Record<string, unknown>> {
  return typeof payload === 'object' && payload !== null ? (payload as Record<string, unknown>) : {};
}

/** @throws Refusal */
export function checkName(value: unknown): string {
  const checked = checkedName(value);
  if ('name' in checked) return checked.name;
  throw new Refusal(checked.problem);
}

/** @throws Refusal */
export function checkText(value: unknown): string {
  const text = typeof value === 'string' ? value.trim() : '';
  if (!isBlank(text) && text.length <= MAX_TEXT && !LONE_SURROGATE.test(text)) return text;
  throw refuse('text', `a string of 1 to ${MAX_TEXT} characters, at least one of them visible`, value);
}

/** Why an operator acts, for the person concerned. May be missing. @throws Refusal */
export function checkReason(value: unknown): string {
  if (value === undefined) return '';
  const reason = typeof value === 'string' ? value.trim() : '';
  if (!isBlank(reason) && reason.length <= MAX_REASON && !LONE_SURROGATE.test(reason)) return reason;
  throw refuse('reason', `a string of 1 to ${MAX_REASON} characters`, value);
}

/** @throws Refusal */
export function checkEcho(value: unknown): string {
  const isToken = typeof value === 'string' && value !== '' && value.length <= MAX_ECHO;
  if (isToken && !LONE_SURROGATE.test(value)) return value;
  throw refuse('echo', `a string of 1 to ${MAX_ECHO} characters`, value);
}

/** @throws Refusal */
export function checkString(field: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw refuse(field, 'a non-empty string', value);
}

/** @throws Refusal */
export function checkStrings(field: string, value: unknown): string[] {
  const isList = Array.isArray(value) && value.length > 0 && value.every((it) => typeof it === 'string');
  if (isList) return value;
  throw refuse(field, 'a non-empty list of strings', value);
}

/** @throws Refusal */
export function checkTyping(payload: unknown): TypingRequest {
  const { room, to, typing } = fieldsOf(payload);
  if (typeof typing !== 'boolean') throw refuse('typing', 'true or false', typing);
  return to === undefined ? { room: checkString('room', room), typing } : { to: checkName(to), typing };
}

/** @throws Refusal */
export function checkHistory(payload: unknown): HistoryRequest {
  const { room, person } = fieldsOf(payload);
  return person === undefined ? { room: checkString('room', room) } : { person: checkName(person) };
}

function refuse(field: string, wanted: string, given: unknown): Refusal {
  return new Refusal(`${field}: expected ${wanted}, received ${describe(given)}.`);
}

/** Not the value itself, which may be long or secret. */
function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'string') return `a string of ${value.length} characters`;
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
