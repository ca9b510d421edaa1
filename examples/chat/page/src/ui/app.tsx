import { useEffect } from 'preact/hooks';
import { useChat } from '../session.js';
import { unreadOf } from '../state.js';
import { Chat } from './chat.js';
import { SignIn } from './sign-in.js';

export function App() {
  const state = useChat();
  const unread = unreadOf(state);
  useEffect(() => {
    document.title = unread > 0 ? `(${unread}) Roomgate chat` : 'Roomgate chat';
  }, [unread]);
  return state.me === undefined ? <SignIn /> : <Chat state={state} me={state.me} />;
}
