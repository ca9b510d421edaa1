import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import { listRooms, signIn, signOut } from './api.js';
import { Link } from './link.js';
import { FIRST_ROOMS, type Memory, recall, remember, restored } from './memory.js';
import { hashOf, keyInHash } from './route.js';
import { type Entry, HOME, type Key, type State } from './state.js';
import { createStore, type Store } from './store.js';

/** The actions of the page. One object exists for its lifetime. */
export class Session {
  readonly store: Store = createStore();
  /** Text that is written but not sent yet, for each conversation. */
  readonly drafts = new Map<Key, string>();
  #link: Link | undefined;

  start(): void {
    const { store } = this;
    store.listen(() => remember(store.state));
    const memory = recall();
    if (memory !== undefined) this.#enter(memory, memory.rooms, restored(memory));
    addEventListener('hashchange', () => this.#follow());
    addEventListener('online', () => store.dispatch({ type: 'network', isOnline: true }));
    addEventListener('offline', () => store.dispatch({ type: 'network', isOnline: false }));
    document.addEventListener('visibilitychange', () =>
      store.dispatch({ type: 'looking', isLooking: document.visibilityState === 'visible' }),
    );
    store.dispatch({ type: 'network', isOnline: navigator.onLine });
    // The server's welcome has the list too. This one is shown while there is no connection.
    listRooms().then(
      (rooms) => store.dispatch({ type: 'rooms listed', rooms }),
      () => undefined,
    );
  }

  /** @throws NotSignedIn with a message for the person who signs in. */
  async signIn(name: string): Promise<void> {
    this.#enter(await signIn(name), FIRST_ROOMS, new Map());
  }

  signOut(): void {
    const { login } = this.store.state;
    void this.#link?.end();
    this.#link = undefined;
    // If the server can't be reached, the login ends by itself after twelve hours.
    if (login !== undefined) signOut(login).catch(() => undefined);
    this.drafts.clear();
    this.store.dispatch({ type: 'signed out' });
    history.replaceState(null, '', hashOf(HOME));
  }

  connect(): void {
    void this.#link?.connect();
  }

  cut(): void {
    this.#link?.cut();
  }

  open(key: Key): void {
    location.hash = hashOf(key);
  }

  join(room: string): void {
    void this.#link?.join(room);
  }

  leave(room: string): void {
    void this.#link?.leave(room);
  }

  say(key: Key, text: string): void {
    this.#link?.say(key, text);
  }

  sayAgain(key: Key, entry: Entry): void {
    this.#link?.sayAgain(key, entry);
  }

  discard(key: Key, id: string): void {
    this.store.dispatch({ type: 'discarded', key, id });
  }

  typing(key: Key, typing: boolean): void {
    this.#link?.typing(key, typing);
  }

  readNotice(id: number): void {
    this.store.dispatch({ type: 'notice read', id });
  }

  #enter(
    { name, login }: Pick<Memory, 'name' | 'login'>,
    rooms: readonly string[],
    unsent: ReadonlyMap<Key, readonly Entry[]>,
  ): void {
    this.store.dispatch({ type: 'signed in', name, login, restored: unsent });
    this.#link = new Link(this.store, name, rooms);
    this.#follow();
  }

  /** Opens the conversation in the address. */
  #follow(): void {
    const key = keyInHash(location.hash) ?? HOME;
    this.store.dispatch({ type: 'open', key });
    this.#link?.look(key);
  }
}

export const SessionContext = createContext<Session | undefined>(undefined);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === undefined) throw new Error('useSession() needs a SessionContext.Provider around it');
  return session;
}

/** The current state. A component that uses it is rendered again when it changes. */
export function useChat(): State {
  const { store } = useSession();
  const [state, setState] = useState(store.state);
  useEffect(() => {
    const update = (): void => setState(store.state);
    // It may have changed between the first drawing and this effect.
    update();
    return store.listen(update);
  }, [store]);
  return state;
}
