import { typingWords } from '../format.js';
import { canWrite, describeLine } from '../line.js';
import { useSession } from '../session.js';
import { conversationOf, membershipOf, onlineIn, type State, targetOf, titleOf } from '../state.js';
import { Avatar } from './avatar.js';
import { blocked, gateOf } from './blocked.js';
import { Composer, type Hint } from './composer.js';
import { EmptyConversation } from './empty.js';
import { RoomGate } from './gate.js';
import { Log } from './log.js';
import { Notices } from './notices.js';

const FACES = 5;

export function Conversation({ state, me }: { state: State; me: string }) {
  const { open } = state;
  const { kind, name } = targetOf(open);
  const conversation = conversationOf(state, open);
  const title = titleOf(state, open);
  const gate = gateOf(state, title);
  const isIn = state.line.status === 'authenticated';
  const isEmpty = conversation.entries.length === 0;
  return (
    <main class="conversation" aria-labelledby="conversation-title">
      {kind === 'room' ? (
        <RoomHead state={state} me={me} id={name} title={title} />
      ) : (
        <PersonHead state={state} name={name} />
      )}
      <div class="middle">
        {isEmpty ? (
          <EmptyConversation state={state} title={title} />
        ) : (
          <Log of={open} entries={conversation.entries} me={me} label={`Messages: ${title}`} isConnected={isIn} />
        )}
        <Notices notices={state.notices} />
      </div>
      {gate === undefined ? (
        <Composer
          of={open}
          title={title}
          typing={isIn ? typingWords([...conversation.typing.keys()]) : undefined}
          maxText={state.maxText}
          blocked={blocked(state, title)}
          hint={hintOf(state)}
        />
      ) : (
        <RoomGate of={open} gate={gate} />
      )}
    </main>
  );
}

/** Below the field. A narrow window shows the bar's details here, because it has no room for them at the top. */
function hintOf(state: State): Hint {
  const isAway = canWrite(state) && state.line.status !== 'authenticated';
  if (isAway) return { text: 'Messages are sent once you are connected.', isForNarrow: false };
  return { text: describeLine(state).detail ?? '', isForNarrow: true };
}

function RoomHead({ state, me, id, title }: { state: State; me: string; id: string; title: string }) {
  const session = useSession();
  const isHere = membershipOf(state, id).state === 'in';
  const isIn = state.line.status === 'authenticated';
  const others = onlineIn(state).filter(({ name, rooms }) => name !== me && rooms.includes(id));
  const here = [me, ...others.map(({ name }) => name)];
  return (
    <header class="head">
      <div class="titles">
        <h1 id="conversation-title" tabIndex={-1}>
          <span class="sign" aria-hidden="true">
            #
          </span>
          {title}
        </h1>
        <p>{state.rooms.find((room) => room.id === id)?.about}</p>
      </div>
      {isHere && isIn && <Faces names={here} />}
      {isHere && (
        <button type="button" class="quiet" onClick={() => session.leave(id)}>
          Leave<span class="hidden"> {title}</span>
        </button>
      )}
    </header>
  );
}

function Faces({ names }: { names: readonly string[] }) {
  const words = `${names.length} here: ${names.slice(0, 20).join(', ')}${names.length > 20 ? ' …' : ''}`;
  return (
    <div class="faces" title={words}>
      {names.slice(0, FACES).map((name) => (
        <Avatar key={name} name={name} size="small" />
      ))}
      <span>{names.length} here</span>
    </div>
  );
}

function PersonHead({ state, name }: { state: State; name: string }) {
  const isIn = state.line.status === 'authenticated';
  const isOnline = onlineIn(state).some((person) => person.name === name);
  return (
    <header class="head">
      <Avatar name={name} />
      <div class="titles">
        <h1 id="conversation-title" tabIndex={-1} title={name}>
          {name}
        </h1>
        <p>{!isIn ? 'Direct message' : isOnline ? 'Online' : 'Away: a message can’t be delivered now'}</p>
      </div>
    </header>
  );
}
