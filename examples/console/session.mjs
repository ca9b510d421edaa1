import { EventEmitter, once } from 'node:events';
import { SocketIOClientHelper } from 'roomgate/client';

const PATIENCE_MS = 10_000;

/** Somebody with a client of their own, who remembers what they heard. */
class Person extends EventEmitter {
  heard = [];

  constructor(name, { url, token }) {
    super();
    this.name = name;
    this.client = new SocketIOClientHelper({
      identifier: name,
      host: url,
      options: { path: '/socket.io', auth: { token } },
      onConnected: () => this.emit('connected'),
      onAuthenticated: () => this.emit('authenticated'),
      onUnauthenticated: (message) => this.emit('refused', message),
    });
    for (const event of ['arrived', 'said']) {
      this.client.subscribe({
        event,
        handler: (data) => {
          this.heard.push(data);
          this.emit(event, data);
        },
      });
    }
  }

  /** What comes with the next such event. Ask before you cause it. */
  async next(event, signal) {
    try {
      const [value] = await once(this, event, { signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]) });
      return value;
    } catch (cause) {
      throw new Error(`${this.name} waited for "${event}" in vain`, { cause });
    }
  }
}

/** Plays the session against the server at `url` and tells each step through `tell`. Rejects at the first that fails. */
export async function runSession({ url, tell, signal }) {
  const ada = new Person('Ada', { url, token: 'ada-token' });
  const ben = new Person('Ben', { url, token: 'ben-token' });
  const eve = new Person('Eve', { url, token: 'a guess' });
  try {
    await Promise.all([ada, ben, eve].map((person) => person.next('connected', signal)));
    tell('Ada, Ben and Eve connect. Nobody is authenticated yet, so nobody can send or hear anything.');
    await atTheGate({ ada, ben, eve, tell, signal });
    await inRooms({ ada, ben, tell, signal });
  } finally {
    for (const { client } of [ada, ben, eve]) client.shutdown();
  }
}

async function atTheGate({ ada, ben, eve, tell, signal }) {
  const adaIsIn = ada.next('authenticated', signal);
  ada.client.authenticate();
  await adaIsIn;
  tell('Ada shows a good token and is let in.');

  const news = ada.next('arrived', signal);
  ben.client.authenticate();
  const { name } = await news;
  tell(`Ben shows a good token and is let in. The server tells everybody; Ada hears: ${name} is here.`);

  const refusal = eve.next('refused', signal);
  eve.client.authenticate();
  const message = await refusal;
  tell(`Eve shows a wrong token and is refused: "${message}"`);
  tell(`Eve was connected all the while, and heard ${eve.heard.length} messages.`);
}

async function inRooms({ ada, ben, tell, signal }) {
  const hers = await ada.client.joinRooms({ rooms: ['kitchen'] });
  tell(`Ada asks for the kitchen and is in: ${hers.joined.join(', ')}.`);
  const his = await ben.client.joinRooms({ rooms: ['kitchen', 'cellar'] });
  tell(`Ben asks for the kitchen and the cellar and is in: ${his.joined.join(', ')}.`);
  for (const { room, message } of his.refused) tell(`The ${room} is refused: "${message}"`);

  const letter = ben.next('said', signal);
  ada.client.emit({ topic: 'say', data: { room: 'kitchen', text: 'Tea is ready.' } });
  const { from, room, text } = await letter;
  tell(`${from} writes to the ${room}, and Ben reads: "${text}"`);
}
