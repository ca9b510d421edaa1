import { useEffect } from 'preact/hooks';
import { tabTitle } from '../format.js';
import { useChat } from '../session.js';
import { titleOf, unreadOf } from '../state.js';
import { Chat } from './chat.js';
import { SignIn } from './sign-in.js';

export function App() {
  const state = useChat();
  const title = tabTitle(unreadOf(state), state.me === undefined ? undefined : titleOf(state, state.open));
  useEffect(() => {
    document.title = title;
  }, [title]);
  // Once it is authenticated, the server says who this client is.
  const me = state.line.user ?? state.me;
  return me === undefined ? <SignIn /> : <Chat state={state} me={me} />;
}
