import { useState } from 'preact/hooks';
import { useSession } from '../session.js';
import { onlineIn, type State } from '../state.js';
import { Avatar } from './avatar.js';
import { PersonRow, RoomRow } from './rows.js';

/** With more people than this, there is a search field. */
const MANY = 12;

interface Props {
  readonly state: State;
  readonly me: string;
  /** A conversation was chosen, even if it is open already. */
  readonly onChosen: () => void;
}

export function Sidebar({ state, me, onChosen }: Props) {
  const session = useSession();
  return (
    <aside class="side" aria-label="Rooms and people">
      <nav class="lists" aria-label="Conversations">
        <h2 id="rooms-title">Rooms</h2>
        <ul aria-labelledby="rooms-title">
          {state.rooms.map((room) => (
            <RoomRow key={room.id} state={state} room={room} onChosen={onChosen} />
          ))}
        </ul>
        <People state={state} me={me} onChosen={onChosen} />
      </nav>
      <div class="me">
        <Avatar name={me} />
        <strong title={me}>{me}</strong>
        <button type="button" class="quiet" onClick={() => session.signOut()}>
          Sign out
        </button>
      </div>
    </aside>
  );
}

function People({ state, me, onChosen }: Props) {
  const [wanted, setWanted] = useState('');
  const isIn = state.line.status === 'authenticated';
  // The server lists a newcomer up to a second later. The user is listed at once.
  const online = new Set(isIn ? [me, ...onlineIn(state).map(({ name }) => name)] : []);
  const known = [...state.conversations.keys()].filter((key) => key.startsWith('person:')).map((key) => key.slice(7));
  // People with a conversation come first, online or not.
  const names = [...new Set([...known, ...state.people.map(({ name }) => name)])].filter((name) => name !== me);
  const shown = names.filter((name) => name.toLocaleLowerCase().includes(wanted.trim().toLocaleLowerCase()));
  return (
    <>
      <h2 id="people-title">
        People <span class="count">{isIn ? `${online.size} online` : ''}</span>
      </h2>
      {names.length > MANY && (
        <input
          class="find"
          type="search"
          placeholder="Find a person"
          aria-label="Find a person"
          value={wanted}
          onInput={(event) => setWanted(event.currentTarget.value)}
        />
      )}
      <ul aria-labelledby="people-title">
        <li class="row self">
          <span class={`who ${isIn ? 'online' : ''}`}>
            <Avatar name={me} size="small" />
          </span>
          <span class="name" title={me}>
            {me}
          </span>
          <span class="note">you</span>
        </li>
        {shown.map((name) => (
          <PersonRow
            key={name}
            state={state}
            name={name}
            presence={isIn ? (online.has(name) ? 'online' : 'away') : 'unknown'}
            onChosen={onChosen}
          />
        ))}
      </ul>
      {names.length === 0 && isIn && <p class="nobody">Nobody else is online. Open a second window.</p>}
      {names.length > 0 && shown.length === 0 && <p class="nobody">No matches</p>}
    </>
  );
}
