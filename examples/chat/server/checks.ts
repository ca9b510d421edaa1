import { MAX_ID, MAX_NAME, MAX_TEXT, type THistoryRequest, type TTypingRequest } from '../words.js';

/** Letters, their marks and digits of any script, space, and `_-.`. */
const NAME = /^[\p{L}\p{M}\p{N}_. -]+$/u;

/** Half of a character, which JSON can write and Redis's scripts can't read. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** What was wanted and what was given instead, for the one who sent it. */
export class Refusal extends Error {}

/** The fields of whatever came; none where it was no object. */
export function fieldsOf(payload: unknown): Readonly<Record<string, unknown>> {
  return typeof payload === 'object' && payload !== null ? (payload as Record<string, unknown>) : {};
}

/** @throws Refusal */
export function checkName(field: string, value: unknown): string {
  // One spelling for each name: an é may be one character or two.
  const name = typeof value === 'string' ? value.normalize('NFC').trim() : '';
  if (NAME.test(name) && [...name].length <= MAX_NAME) return name;
  throw refuse(field, `1 to ${MAX_NAME} letters, digits, spaces or any of _-.`, value);
}

/** @throws Refusal */
export function checkText(value: unknown): string {
  const text = typeof value === 'string' ? value.trim() : '';
  if (text !== '' && text.length <= MAX_TEXT && !LONE_SURROGATE.test(text)) return text;
  throw refuse('text', `a string of 1 to ${MAX_TEXT} characters`, value);
}

/** @throws Refusal */
export function checkId(value: unknown): string {
  const isId = typeof value === 'string' && value !== '' && value.length <= MAX_ID;
  if (isId && !LONE_SURROGATE.test(value)) return value;
  throw refuse('id', `a string of 1 to ${MAX_ID} characters`, value);
}

/** @throws Refusal */
export function checkString(field: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw refuse(field, 'a string that is not empty', value);
}

/** @throws Refusal */
export function checkStrings(field: string, value: unknown): string[] {
  const isList = Array.isArray(value) && value.length > 0 && value.every((it) => typeof it === 'string');
  if (isList) return value;
  throw refuse(field, 'a list of strings that is not empty', value);
}

/** @throws Refusal */
export function checkTyping(payload: unknown): TTypingRequest {
  const { room, to, typing } = fieldsOf(payload);
  if (typeof typing !== 'boolean') throw refuse('typing', 'true or false', typing);
  return to === undefined ? { room: checkString('room', room), typing } : { to: checkName('to', to), typing };
}

/** @throws Refusal */
export function checkHistory(payload: unknown): THistoryRequest {
  const { room, person } = fieldsOf(payload);
  return person === undefined ? { room: checkString('room', room) } : { person: checkName('person', person) };
}

function refuse(field: string, wanted: string, given: unknown): Refusal {
  return new Refusal(`${field}: ${wanted} is wanted, ${describe(given)} was given.`);
}

/** Never the value itself: it may be long, and it may be secret. */
function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'string') return `a string of ${value.length} characters`;
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
