import type { ComponentChildren } from 'preact';
import { useSession } from '../session.js';
import { conversationOf, membershipOf, type State, targetOf } from '../state.js';
import { DoorIcon, LockIcon, SpeechIcon } from './icons.js';

/** What stands where no messages are: what this place is, and the next step. */
export function EmptyConversation({ state, title }: { state: State; title: string }) {
  const session = useSession();
  const { kind, name } = targetOf(state.open);
  const { isLoaded } = conversationOf(state, state.open);
  if (kind === 'person') {
    const isIn = state.line.status === 'authenticated';
    const isOnline = state.people.some((person) => person.name === name);
    return (
      <Empty icon={<SpeechIcon />} title={`You and ${title}`}>
        {isOnline || !isIn
          ? 'No messages yet. Only the two of you can read them.'
          : `${title} is not online. A message can't reach somebody who is away.`}
      </Empty>
    );
  }
  const { state: membership, reason } = membershipOf(state, name);
  if (membership === 'refused') {
    return (
      <Empty icon={<LockIcon />} title={`${title} is closed to you`} tone="bad">
        {reason}
        <button type="button" onClick={() => session.join(name)}>
          Ask again
        </button>
      </Empty>
    );
  }
  if (membership === 'out') {
    return (
      <Empty icon={<DoorIcon />} title={`You are not in ${title}`}>
        {reason ?? 'Join to read the last messages and to send one.'}
        <button type="button" class="primary" onClick={() => session.join(name)}>
          Join {title}
        </button>
      </Empty>
    );
  }
  if (!isLoaded) return <p class="loading">Opening {title}…</p>;
  return (
    <Empty icon={<SpeechIcon />} title="No messages yet">
      Write the first one in {title}.
    </Empty>
  );
}

interface Props {
  readonly icon: ComponentChildren;
  readonly title: string;
  readonly tone?: string;
  readonly children: ComponentChildren;
}

function Empty({ icon, title, tone = '', children }: Props) {
  return (
    <div class={`empty ${tone}`}>
      <span class="emblem">{icon}</span>
      <h2>{title}</h2>
      <div class="empty-text">{children}</div>
    </div>
  );
}
