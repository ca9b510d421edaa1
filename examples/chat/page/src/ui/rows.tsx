import type { Room } from '../../../contract.js';
import { canWrite } from '../line.js';
import { hashOf } from '../route.js';
import { conversationOf, type Key, membershipOf, personKey, roomKey, type State } from '../state.js';
import { Avatar } from './avatar.js';
import { LockIcon } from './icons.js';

interface Row {
  readonly state: State;
  readonly onChosen: () => void;
}

export function RoomRow({ state, room, onChosen }: Row & { room: Room }) {
  const key = roomKey(room.id);
  const { state: membership } = membershipOf(state, room.id);
  const isHere = membership === 'in';
  return (
    <li>
      <a
        href={hashOf(key)}
        class={`row ${isHere ? '' : 'faint'}`}
        aria-current={state.open === key ? 'page' : undefined}
        onClick={onChosen}
      >
        <span class="sign" aria-hidden="true">
          {membership === 'refused' ? <LockIcon /> : '#'}
        </span>
        <span class="name">{room.title}</span>
        {!isHere && canWrite(state) && <span class="note">{NOTES[membership]}</span>}
        <Unread state={state} of={key} />
      </a>
    </li>
  );
}

const NOTES = { in: '', out: 'not joined', asking: 'joining', refused: 'locked' } as const;

/** `unknown`: there is no connection. */
export type Presence = 'online' | 'away' | 'unknown';

export function PersonRow({ state, name, presence, onChosen }: Row & { name: string; presence: Presence }) {
  const isOnline = presence === 'online';
  const key = personKey(name);
  return (
    <li>
      <a
        href={hashOf(key)}
        class={`row ${isOnline ? '' : 'faint'}`}
        aria-current={state.open === key ? 'page' : undefined}
        onClick={onChosen}
      >
        <span class={`who ${isOnline ? 'online' : ''}`}>
          <Avatar name={name} size="small" />
        </span>
        <span class="name" title={name}>
          {name}
        </span>
        {presence !== 'unknown' && <span class={isOnline ? 'hidden' : 'note'}>{presence}</span>}
        <Unread state={state} of={key} />
      </a>
    </li>
  );
}

function Unread({ state, of: key }: { state: State; of: Key }) {
  const { unread } = conversationOf(state, key);
  if (unread === 0) return null;
  return (
    <span class="badge">
      {unread > 99 ? '99+' : unread}
      <span class="hidden"> unread</span>
    </span>
  );
}
