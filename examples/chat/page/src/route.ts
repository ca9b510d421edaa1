import { personKey, roomKey, type TKey, targetOf } from './state.js';

/** The conversation in the address: `#/room/lobby`, `#/person/Ada`. */
export function keyInHash(hash: string): TKey | undefined {
  const [, kind, encoded] = /^#\/(room|person)\/([^/]+)$/.exec(hash) ?? [];
  if (kind === undefined || encoded === undefined) return undefined;
  try {
    const name = decodeURIComponent(encoded);
    return kind === 'room' ? roomKey(name) : personKey(name);
  } catch {
    return undefined;
  }
}

export function hashOf(key: TKey): string {
  const { kind, name } = targetOf(key);
  return `#/${kind}/${encodeURIComponent(name)}`;
}
