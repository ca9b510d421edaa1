import type { ComponentChildren } from 'preact';
import { canWrite } from '../line.js';
import { conversationOf, membershipOf, onlineIn, type State, targetOf } from '../state.js';
import { DoorIcon, LockIcon, SpeechIcon } from './icons.js';

/** Shown in place of the messages if there are none. */
export function EmptyConversation({ state, title }: { state: State; title: string }) {
  const { kind, name } = targetOf(state.open);
  const { isLoaded } = conversationOf(state, state.open);
  if (kind === 'person') {
    return (
      <Empty icon={<SpeechIcon />} title="No messages yet">
        Only you and {title} can read this conversation.
      </Empty>
    );
  }
  const { state: membership } = membershipOf(state, name);
  if (membership === 'refused') {
    return <Empty icon={<LockIcon />} title={title} tone="bad" />;
  }
  if (membership === 'out') {
    const here = onlineIn(state).filter(({ rooms }) => rooms.includes(name)).length;
    return (
      <Empty icon={<DoorIcon />} title={title}>
        {here === 0 ? 'Nobody is here.' : `${here} ${here === 1 ? 'person is' : 'people are'} here.`}
      </Empty>
    );
  }
  if (!canWrite(state)) return null;
  if (!isLoaded) return <p class="loading">Opening {title}…</p>;
  return (
    <Empty icon={<SpeechIcon />} title="No messages yet">
      Send the first message in {title}.
    </Empty>
  );
}

interface Props {
  readonly icon: ComponentChildren;
  readonly title: string;
  readonly tone?: string;
  readonly children?: ComponentChildren;
}

function Empty({ icon, title, tone = '', children }: Props) {
  return (
    <div class={`empty ${tone}`}>
      <span class="emblem">{icon}</span>
      <h2>{title}</h2>
      {children !== undefined && <p>{children}</p>}
    </div>
  );
}
