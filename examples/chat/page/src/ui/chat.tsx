import { useEffect, useState } from 'preact/hooks';
import { type State, unreadOf } from '../state.js';
import { Conversation } from './conversation.js';
import { Drawer } from './drawer.js';
import { focusConversation } from './focus.js';
import { DoorIcon, MenuIcon } from './icons.js';
import { Sidebar } from './sidebar.js';
import { StateBar } from './state-bar.js';

const WIDE = matchMedia('(min-width: 800px)');

function useIsWide(): boolean {
  const [isWide, setWide] = useState(WIDE.matches);
  useEffect(() => {
    const update = (): void => setWide(WIDE.matches);
    WIDE.addEventListener('change', update);
    return () => WIDE.removeEventListener('change', update);
  }, []);
  return isWide;
}

export function Chat({ state, me }: { state: State; me: string }) {
  const isWide = useIsWide();
  const [isOpen, setOpen] = useState(false);
  const { open } = state;
  useEffect(() => {
    setOpen(false);
    focusConversation();
  }, [open]);
  const sidebar = <Sidebar state={state} me={me} onChosen={() => setOpen(false)} />;
  return (
    <div class="app">
      <header class="top">
        <button type="button" class="skip" onClick={focusConversation}>
          Skip to the conversation
        </button>
        {isWide ? (
          <span class="brand">
            <span class="mark">
              <DoorIcon />
            </span>
            Roomgate chat
          </span>
        ) : (
          <MenuButton unread={unreadOf(state)} isOpen={isOpen} onClick={() => setOpen(true)} />
        )}
        <StateBar state={state} />
      </header>
      {isWide ? (
        sidebar
      ) : (
        <Drawer isOpen={isOpen} onClose={() => setOpen(false)}>
          {sidebar}
        </Drawer>
      )}
      <Conversation state={state} me={me} key={open} />
    </div>
  );
}

function MenuButton({ unread, isOpen, onClick }: { unread: number; isOpen: boolean; onClick: () => void }) {
  return (
    <button type="button" class="menu" aria-haspopup="dialog" aria-expanded={isOpen} onClick={onClick}>
      <MenuIcon />
      <span class="hidden">Rooms and people</span>
      {unread > 0 && (
        <span class="badge">
          {unread > 99 ? '99+' : unread}
          <span class="hidden"> unread</span>
        </span>
      )}
    </button>
  );
}
