import { checkedName } from '../../names.js';
import { type Key, personKey, roomKey, targetOf } from './state.js';

/** The conversation in the address: `#/room/lobby`, `#/person/Ada`. */
export function keyInHash(hash: string): Key | undefined {
  const [, kind, encoded] = /^#\/(room|person)\/([^/]+)$/.exec(hash) ?? [];
  if (kind === undefined || encoded === undefined) return undefined;
  try {
    const name = decodeURIComponent(encoded);
    if (kind === 'room') return roomKey(name.trim());
    // One spelling for each name, as on the server. A link must not make the page show other texts as a name.
    const checked = checkedName(name);
    return 'name' in checked ? personKey(checked.name) : undefined;
  } catch {
    return undefined;
  }
}

export function hashOf(key: Key): string {
  const { kind, name } = targetOf(key);
  return `#/${kind}/${encodeURIComponent(name)}`;
}
