import { SocketIOClientHelper } from '../../src/client/client-helper.js';
import { track } from '../support/cleanup.js';
import { EventLog, eventually } from '../support/facts.js';

/** Generous, because a busy machine starts instances slowly. */
export const SLOW = { timeout: 20_000 };
const ROOM = 'public/news';

export interface Where {
  readonly instance: string;
  readonly address: string;
  readonly forwardedFor: string;
}

export interface Person {
  readonly client: SocketIOClientHelper;
  readonly where: EventLog<Where>;
  readonly said: EventLog<string>;
  readonly ends: EventLog<string>;
  readonly errors: EventLog<Error>;
  /** True if it is authenticated and in the room at this moment. */
  in: boolean;
}

type ClientOptions = Partial<ConstructorParameters<typeof SocketIOClientHelper>[0]['options']>;

/** A client like the recipe's that records its events. */
export function connectTo(url: string, options: ClientOptions = {}): Person {
  const person: Person = {
    ...{ where: new EventLog<Where>(), said: new EventLog<string>() },
    ...{ ends: new EventLog<string>(), errors: new EventLog<Error>(), in: false },
    client: new SocketIOClientHelper({
      identifier: 'reader',
      host: url,
      options: {
        ...{ path: '/io', auth: { token: 'let me in' }, withCredentials: true, rejectUnauthorized: false },
        ...options,
      },
      logger: false,
      onConnected: () => {
        person.client.authenticate();
      },
      onAuthenticated: async () => {
        const { joined } = await person.client.joinRooms({ rooms: [ROOM] });
        person.in = joined.includes(ROOM);
      },
      onDisconnected: (reason) => {
        person.in = false;
        person.ends.push(reason);
      },
      onError: (error) => person.errors.push(error),
    }),
  };
  person.client.subscribe<Where>({ event: 'where', handler: (where) => person.where.push(where) });
  person.client.subscribe<string>({ event: 'said', handler: (text) => person.said.push(text) });
  track({ stop: () => person.client.shutdown() });
  return person;
}

export async function comeIn(person: Person): Promise<Person> {
  await eventually(() => person.in, { what: 'a client that is in its room', ...SLOW });
  return person;
}
