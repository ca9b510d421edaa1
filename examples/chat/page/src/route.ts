import { type Key, personKey, roomKey, targetOf } from './state.js';

/** The conversation in the address: `#/room/lobby`, `#/person/Ada`. */
export function keyInHash(hash: string): Key | undefined {
  const [, kind, encoded] = /^#\/(room|person)\/([^/]+)$/.exec(hash) ?? [];
  if (kind === undefined || encoded === undefined) return undefined;
  try {
    // One spelling for each name, as on the server.
    const name = decodeURIComponent(encoded).normalize('NFKC').trim();
    return kind === 'room' ? roomKey(name) : personKey(name);
  } catch {
    return undefined;
  }
}

export function hashOf(key: Key): string {
  const { kind, name } = targetOf(key);
  return `#/${kind}/${encodeURIComponent(name)}`;
}
