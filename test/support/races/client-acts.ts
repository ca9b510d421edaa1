import { type Calls, RENEWAL } from './calls.js';
import type { Choice, Scene } from './choice.js';
import { type Client, newClient, type Request } from './client.js';
import { ROOMS } from './model.js';
import { AUTHENTICATE_TIMEOUT_MS } from './stage.js';

/** What clients do, and what the program does with one client. */
export class ClientActs {
  readonly #scene: Scene;
  readonly #calls: Calls;

  constructor(scene: Scene, calls: Calls) {
    this.#scene = scene;
    this.#calls = calls;
  }

  connecting(wire: string, instance: number, users: readonly (string | undefined)[]): Choice {
    const { dice, model, stage } = this.#scene;
    const user = dice.pick(users, 'user');
    const session = `${user}-${dice.pick([1, 2], 'session')}`;
    return {
      name: `${wire} connects to ${instance}, as ${user === undefined ? 'true' : session}`,
      weight: 4,
      before: () => {
        const deadline = performance.now() + AUTHENTICATE_TIMEOUT_MS;
        model.clients.set(wire, newClient({ wire, instance, user, session, deadline }));
      },
      act: () => stage.connect(wire, instance),
      after: () => {
        const client = model.clients.get(wire);
        if (client !== undefined) client.id = stage.socketOf(wire)?.id;
      },
    };
  }

  of(client: Client, room: string, more: string): Choice[] {
    const { wire, state } = client;
    const { stage, taste } = this.#scene;
    const packet = (text: string) => () => stage.wire(wire).receive(text);
    const choices = [
      { name: `${wire} says something`, weight: 0.5, act: packet('2["say"]') },
      this.#ending(client, 'disconnects', packet('1')),
      this.#ending(client, 'is cut', () => stage.wire(wire).cut()),
      this.kick(client),
    ];
    if (state === 'connected') choices.push(this.authenticating(client));
    if (state !== 'in') return choices;
    choices.push(this.#joining(client, [...new Set([room, more])], 4 * Math.max(0.5, taste('join'))));
    choices.push(this.leaving(client, room), this.removing(client, room), this.#putting(client, room));
    if (client.identity?.expiresAt !== undefined) choices.push(this.#renewing(client));
    return choices;
  }

  authenticating(client: Client): Choice {
    const { stage } = this.#scene;
    return {
      name: `${client.wire} authenticates`,
      weight: 8,
      before: () => {
        client.state = 'asking';
      },
      act: () => stage.wire(client.wire).receive('2["authenticate"]'),
    };
  }

  #joining(client: Client, rooms: readonly string[], weight: number): Choice {
    const { model, stage, fault } = this.#scene;
    const { wire } = client;
    let request: Request | undefined;
    return {
      name: `${wire} asks for ${rooms}`,
      weight,
      act: () => {
        const asked = model.request(client, rooms);
        request = asked;
        stage.because(asked, () => stage.wire(wire).receive(`2["join",${JSON.stringify({ rooms })}]`));
      },
      after: () => {
        if (request === undefined || request.rooms.length > 0 === this.#calls.isOpen(request)) return;
        fault(`the guard was ${request.rooms.length > 0 ? 'not ' : ''}asked for ${wire}`);
      },
    };
  }

  /** Asks for one room, after everything else. */
  asking(client: Client, room: string): Choice {
    return this.#joining(client, [room], 1);
  }

  leaving(client: Client, room: string): Choice {
    const { model, stage, taste } = this.#scene;
    return {
      name: `${client.wire} leaves ${room}`,
      weight: taste('leave'),
      before: () => model.leave(client, room),
      act: () => stage.wire(client.wire).receive(`2["leave",${JSON.stringify({ rooms: [room] })}]`),
    };
  }

  removing(client: Client, room: string): Choice {
    const { model, stage, taste } = this.#scene;
    return {
      name: `the program removes ${client.wire} from ${room}`,
      weight: 0.5 * taste('remove'),
      before: () => model.leave(client, room),
      act: () => void stage.socketOf(client.wire)?.leave(room),
    };
  }

  #putting(client: Client, room: string): Choice {
    const { model, stage, taste } = this.#scene;
    return {
      name: `the program joins ${client.wire} to ${room}`,
      weight: 0.5 * taste('put'),
      before: () => model.programJoins(client, room),
      act: () => void stage.socketOf(client.wire)?.join(room),
    };
  }

  #renewing(client: Client): Choice {
    const { model, stage, taste, fault } = this.#scene;
    const { wire } = client;
    let isWanted = false;
    return {
      name: `${wire} sends new credentials`,
      weight: 5 * taste('renew'),
      before: () => {
        isWanted = model.mayRenew(client);
      },
      act: () => {
        const packet = `2["authenticate",${JSON.stringify({ wire })}]`;
        stage.because(RENEWAL, () => stage.wire(wire).receive(packet));
      },
      after: () => {
        const isAsked = client.renewal?.isPending === true;
        if (isWanted && !isAsked) fault(`the program was not asked about new credentials of ${wire}`);
      },
    };
  }

  kick(client: Client): Choice {
    const { stage } = this.#scene;
    const socket = stage.socketOf(client.wire);
    const act = () => {
      if (socket !== undefined) stage.helper(client.instance).disconnect({ socket });
    };
    return this.#ending(client, 'is kicked', act);
  }

  #ending(client: Client, how: string, act: () => void): Choice {
    const { model, taste } = this.#scene;
    return {
      name: `${client.wire} ${how}`,
      weight: 0.2 * taste('end'),
      before: () => model.end(client),
      act,
    };
  }
}

/** The rooms that this seed uses: the fewer, the more of its events meet. */
export function roomsOf({ dice }: Scene): readonly string[] {
  return ROOMS.slice(0, 1 + dice.below(ROOMS.length, 'rooms'));
}
