import { typingWords } from '../format.js';
import { useSession } from '../session.js';
import { conversationOf, membershipOf, type State, targetOf } from '../state.js';
import { Avatar } from './avatar.js';
import { blocked } from './blocked.js';
import { Composer } from './composer.js';
import { EmptyConversation } from './empty.js';
import { Log } from './log.js';
import { Notices } from './notices.js';

const FACES = 5;

export function Conversation({ state, me }: { state: State; me: string }) {
  const { open } = state;
  const { kind, name } = targetOf(open);
  const conversation = conversationOf(state, open);
  const title = kind === 'person' ? name : (state.rooms.find(({ id }) => id === name)?.title ?? name);
  const isIn = state.line.status === 'authenticated';
  const isEmpty = conversation.entries.length === 0;
  return (
    <main class="conversation" aria-labelledby="conversation-title">
      {kind === 'room' ? <RoomHead state={state} id={name} title={title} /> : <PersonHead state={state} name={name} />}
      <div class="middle">
        {isEmpty ? (
          <EmptyConversation state={state} title={title} />
        ) : (
          <Log of={open} entries={conversation.entries} me={me} label={`Messages: ${title}`} />
        )}
        <Notices notices={state.notices} />
      </div>
      <Composer
        of={open}
        title={title}
        typing={isIn ? typingWords([...conversation.typing.keys()]) : ''}
        maxText={state.maxText}
        blocked={blocked(state, title)}
        isAway={!isIn}
        caution={state.health.degraded ? state.health.message : ''}
      />
    </main>
  );
}

function RoomHead({ state, id, title }: { state: State; id: string; title: string }) {
  const session = useSession();
  const isHere = membershipOf(state, id).state === 'in';
  const isIn = state.line.status === 'authenticated';
  const here = state.people.filter(({ rooms }) => rooms.includes(id)).map(({ name }) => name);
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
      {isHere && isIn && here.length > 0 && <Faces names={here} />}
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
  const isOnline = state.people.some((person) => person.name === name);
  return (
    <header class="head">
      <Avatar name={name} />
      <div class="titles">
        <h1 id="conversation-title" tabIndex={-1} title={name}>
          {name}
        </h1>
        <p>{!isIn ? 'Between the two of you' : isOnline ? 'Online. Between the two of you.' : 'Away'}</p>
      </div>
    </header>
  );
}
