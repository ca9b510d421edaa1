import type { Entry } from './state.js';

const TIME = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const DAY_MS = 24 * 60 * 60 * 1_000;

/** Messages of one person within so many milliseconds share one heading. */
const GROUP_MS = 5 * 60 * 1_000;
const TINTS = 8;

export interface Group {
  readonly from: string;
  readonly at: string;
  readonly entries: Entry[];
}

export interface Day {
  readonly label: string;
  readonly groups: Group[];
}

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });

export const clockOf = (at: number): string => CLOCK.format(at);

export const timeOf = (at: string): string => TIME.format(new Date(at));

export function dayOf(at: string, now: Date = new Date()): string {
  const day = new Date(at);
  if (day.toDateString() === now.toDateString()) return 'Today';
  if (day.toDateString() === new Date(now.getTime() - DAY_MS).toDateString()) return 'Yesterday';
  return DAY.format(day);
}

export function grouped(entries: readonly Entry[], now: Date = new Date()): readonly Day[] {
  const days: Day[] = [];
  for (const entry of entries) {
    const label = dayOf(entry.at, now);
    let day = days.at(-1);
    if (day?.label !== label) {
      day = { label, groups: [] };
      days.push(day);
    }
    const group = day.groups.at(-1);
    const last = group?.entries.at(-1);
    const isNear = last !== undefined && Date.parse(entry.at) - Date.parse(last.at) < GROUP_MS;
    if (group?.from === entry.from && isNear) group.entries.push(entry);
    else day.groups.push({ from: entry.from, at: entry.at, entries: [entry] });
  }
  return days;
}

/** "1 character too many", "12 characters left". */
export function lengthWords(left: number): string {
  const count = Math.abs(left);
  return `${count} ${count === 1 ? 'character' : 'characters'} ${left < 0 ? 'too many' : 'left'}`;
}

/** The title of the tab: "(2) Lobby · Roomgate chat". */
export function tabTitle(unread: number, conversation: string | undefined): string {
  const name = conversation === undefined ? 'Roomgate chat' : `${conversation} · Roomgate chat`;
  return unread > 0 ? `(${unread}) ${name}` : name;
}

/** "Ada", "is typing…". A narrow window shortens the names only. */
export interface TypingWords {
  readonly names: string;
  readonly verb: string;
}

export function typingWords(people: readonly string[]): TypingWords | undefined {
  const [first, second] = people;
  if (first === undefined) return undefined;
  if (second === undefined) return { names: first, verb: 'is typing…' };
  const names = people.length === 2 ? `${first} and ${second}` : `${people.length} people`;
  return { names, verb: 'are typing…' };
}

/** The same color for the same name, everywhere. */
export function tintOf(name: string): number {
  let sum = 0;
  for (const character of name) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 9_973;
  return sum % TINTS;
}

/** One or two letters. */
export function initialsOf(name: string): string {
  const words = name.split(/[\s_.-]+/u).filter((word) => word !== '');
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0] ?? name];
  return letters
    .map((word) => [...(word ?? '')][0] ?? '')
    .join('')
    .toLocaleUpperCase();
}
