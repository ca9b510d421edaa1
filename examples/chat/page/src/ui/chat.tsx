import { useEffect, useRef, useState } from 'preact/hooks';
import { type State, unreadOf } from '../state.js';
import { Conversation } from './conversation.js';
import { Drawer } from './drawer.js';
import { focusConversation } from './focus.js';
import { DoorIcon, MenuIcon, PanelIcon } from './icons.js';
import { Panel } from './panel.js';
import { Sidebar } from './sidebar.js';
import { StateBar } from './state-bar.js';

/** The list stands beside the conversation. */
const WIDE = matchMedia('(min-width: 800px)');
/** The developer panel stands beside it, too. The style sheet `frame.css` has the same number. */
const VERY_WIDE = matchMedia('(min-width: 1080px)');

function useMatches(query: MediaQueryList): boolean {
  const [matches, setMatches] = useState(query.matches);
  useEffect(() => {
    const update = (): void => setMatches(query.matches);
    query.addEventListener('change', update);
    return () => query.removeEventListener('change', update);
  }, [query]);
  return matches;
}

export function Chat({ state, me }: { state: State; me: string }) {
  const isWide = useMatches(WIDE);
  const isVeryWide = useMatches(VERY_WIDE);
  const [isMenuOpen, setMenuOpen] = useState(false);
  const [isPanelOpen, setPanelOpen] = useState(false);
  const panelButton = useRef<HTMLButtonElement>(null);
  const { open } = state;
  useEffect(() => {
    setMenuOpen(false);
    focusConversation();
  }, [open]);
  const closePanel = (): void => {
    setPanelOpen(false);
    panelButton.current?.focus();
  };
  const sidebar = <Sidebar state={state} me={me} onChosen={() => setMenuOpen(false)} />;
  return (
    <div class={`app ${isPanelOpen ? 'with-panel' : ''}`}>
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
          <MenuButton unread={unreadOf(state)} isOpen={isMenuOpen} onClick={() => setMenuOpen(true)} />
        )}
        <StateBar state={state} />
        <button
          ref={panelButton}
          type="button"
          class="quiet square"
          title="Developer panel"
          aria-expanded={isPanelOpen}
          onClick={() => setPanelOpen(!isPanelOpen)}
        >
          <PanelIcon />
          <span class="hidden">Developer panel</span>
        </button>
      </header>
      {isWide ? (
        sidebar
      ) : (
        <Drawer label="Rooms and people" side="left" isOpen={isMenuOpen} onClose={() => setMenuOpen(false)}>
          {sidebar}
        </Drawer>
      )}
      <Conversation state={state} me={me} key={open} />
      {isVeryWide ? (
        isPanelOpen && <Panel state={state} onClose={closePanel} />
      ) : (
        <Drawer label="Developer panel" side="right" isOpen={isPanelOpen} onClose={() => setPanelOpen(false)}>
          <Panel state={state} />
        </Drawer>
      )}
    </div>
  );
}

function MenuButton({ unread, isOpen, onClick }: { unread: number; isOpen: boolean; onClick: () => void }) {
  return (
    <button type="button" class="quiet square menu" aria-haspopup="dialog" aria-expanded={isOpen} onClick={onClick}>
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
