import { useState } from 'preact/hooks';
import { useSession } from '../session.js';
import type { State } from '../state.js';
import { Avatar } from './avatar.js';
import { PersonRow, RoomRow } from './rows.js';

/** With more people than this there is a field to find one. */
const MANY = 12;

interface Props {
  readonly state: State;
  readonly me: string;
  /** A conversation was chosen, be it the one that is open already. */
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
        <p>
          <strong>{me}</strong>
          <span title={state.instance}>{state.instance === undefined ? 'You' : `on ${state.instance}`}</span>
        </p>
        <button type="button" class="quiet" onClick={() => session.signOut()}>
          Sign out
        </button>
      </div>
    </aside>
  );
}

function People({ state, me, onChosen }: Props) {
  const [wanted, setWanted] = useState('');
  const online = state.people.filter(({ name }) => name !== me).map(({ name }) => name);
  const isIn = state.line.status === 'authenticated';
  const present = new Set(isIn ? online : []);
  const known = [...state.conversations.keys()].filter((key) => key.startsWith('person:')).map((key) => key.slice(7));
  // Who was written with stands first, present or not.
  const names = [...new Set([...known, ...online])].filter((name) => name !== me);
  const shown = names.filter((name) => name.toLocaleLowerCase().includes(wanted.trim().toLocaleLowerCase()));
  return (
    <>
      <h2 id="people-title">
        People <span class="count">{isIn ? `${online.length} online` : ''}</span>
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
      {names.length === 0 && <p class="nobody">{isIn ? 'Nobody else is here yet. Open a second window.' : ' '}</p>}
      <ul aria-labelledby="people-title">
        {shown.map((name) => (
          <PersonRow
            key={name}
            state={state}
            name={name}
            presence={isIn ? (present.has(name) ? 'online' : 'away') : 'unknown'}
            onChosen={onChosen}
          />
        ))}
      </ul>
      {names.length > 0 && shown.length === 0 && <p class="nobody">Nobody of that name.</p>}
    </>
  );
}
