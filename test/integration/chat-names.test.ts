// npm test: node
// npm run test:matrix: newest-node, bun, oldest-bun
import { beforeAll, describe, expect, it } from 'vitest';
import { checkedName } from '../../examples/chat/names.js';
import { skeletonsOf } from '../../examples/chat/server/lookalikes.js';
import { buildChat, ChatClient, type RunningChat, signIn, startChat } from '../support/chat.js';
import { eventually, nextEvent } from '../support/facts.js';

describe('checkedName()', () => {
  it.each([
    ['Ada', 'Ada'],
    [' Ada  Lovelace ', 'Ada Lovelace'],
    ['e\u0301', 'é'],
    ['ﬁn', 'fin'],
    ['Иван', 'Иван'],
    ['李雷', '李雷'],
    ['田中さんー', '田中さんー'],
    ['김철수', '김철수'],
    ['Kɔjo Ɛnyɔ', 'Kɔjo Ɛnyɔ'],
    ['مريم', 'مريم'],
    ['किरण', 'किरण'],
    ['g\u0303', 'g\u0303'],
    ['Ẹ\u0301bùn', 'Ẹ\u0301bùn'],
  ])('accepts %j', (given, name) => {
    expect(checkedName(given)).toEqual({ name });
  });

  it.each(['\u3164', '\u115f', '\u034f', '\ufe0f', '\u200b', '\u200d', '\u2060', '\u202e', '\u00ad', '\u{e0041}'])(
    'refuses the invisible character %j',
    (invisible) => {
      for (const name of [`A${invisible}da`, `Ada${invisible}`, invisible]) {
        expect(checkedName(name), JSON.stringify(name)).toEqual({
          problem: 'Enter a name without invisible characters.',
        });
      }
    },
  );

  it.each(['A\u0335da', 'W\u0358', 'g\u0345', 'A\u20ddda', 'Ada\ufe20'])(
    'refuses the unusual accents of %j',
    (name) => {
      expect(checkedName(name)).toEqual({ problem: 'Enter a name without unusual accents.' });
    },
  );

  it.each(['Аda', 'Adа', 'Αda', 'Ꭺda', 'Ada李', 'Иvan', 'ユниコ'])('refuses the mixed scripts of %j', (name) => {
    expect(checkedName(name)).toEqual({ problem: expect.stringContaining('one alphabet') });
  });

  it.each(['ᴀnna', 'ᴇva', 'ɢuy', 'ꞁan'])('refuses the phonetic letters of %j', (name) => {
    expect(checkedName(name)).toEqual({ problem: 'Enter a name without phonetic letters.' });
  });

  it.each(['', ' ', '_', 'a/b', '\u0301a', 'A\u0335\u0336\u0337\u0338da', 'a\u2800', 'x'.repeat(25), 7, ['Ada'], null])(
    'refuses %j',
    (name) => {
      expect(checkedName(name)).toEqual({ problem: expect.stringMatching(/^Enter a name of up to 24 letters/) });
    },
  );
});

/** Each is a name in another script, or in other characters, that looks like the second name. */
const TWINS: [twin: string, name: string][] = [
  ['сосо', 'coco'],
  ['ɩan', 'ian'],
  ['ヘいわ', 'へいわ'],
  ['ロ', '口'],
  ['عـلي', 'علي'],
  ['على', 'علي'],
  ['НОС', 'HOC'],
  ['ΟΗΟ', 'OHO'],
  ['օօ', 'oo'],
  ['пф', 'πφ'],
  ['l1l', 'Ili'],
  ['0tto', 'Otto'],
  ['ADA', 'Ada'],
  ['rnax', 'max'],
  ['VVILL', 'Will'],
  ['Li\u0307n', 'Lin'],
  ['j\u0323\u0307im', 'j\u0323im'],
  ['ı\u0307an', 'ian'],
];

const lookAlike = (one: string, other: string): boolean =>
  skeletonsOf(one).some((skeleton) => skeletonsOf(other).includes(skeleton));

describe('skeletonsOf()', () => {
  it.each(TWINS)('finds that %j and %j look alike', (twin, name) => {
    expect(lookAlike(twin, name)).toBe(true);
  });

  it.each([
    ['Zoë', 'Zoe'],
    ['Ada 1', 'Ada 2'],
    ['Иван', 'Ivan'],
    ['Мария', 'Maria'],
    ['clara', 'dara'],
    ['李', '木'],
  ])('finds that %j and %j do not look alike', (one, other) => {
    expect(lookAlike(one, other)).toBe(false);
  });
});

describe('a name that looks like the name of somebody online', () => {
  let chat: RunningChat;
  beforeAll(async () => {
    await buildChat();
    chat = await startChat();
  });

  it.each(TWINS)('is refused: %j while %j is online, whose owner may open more windows', async (twin, name) => {
    const { token } = await signIn(chat.url, twin);
    const owner = await ChatClient.enter(chat.url, name, 'lobby');
    const response = await fetch(`${chat.url}/api/sign-in`, { method: 'POST', body: JSON.stringify({ name: twin }) });
    expect([response.status, await response.json()]).toEqual([
      409,
      { error: 'Somebody with a name that looks like this one is online. Enter another name.' },
    ]);
    // An earlier token is invalid, too.
    const { socket } = ChatClient.knock(chat.url, token);
    await nextEvent(socket, 'unauthenticated');
    const second = await ChatClient.enter(chat.url, name);
    owner.socket.disconnect();
    second.socket.disconnect();
    await eventually(async () => expect(await signIn(chat.url, twin)).toMatchObject({ name: twin }));
  });

  it('is refused for one of two people who come at the same moment', async () => {
    const pairs = Array.from({ length: 10 }, (_, index) => [`хох ${index + 20}`, `xox ${index + 20}`]);
    await Promise.all(
      pairs.map(async (names) => {
        const tokens = await Promise.all(names.map((name) => signIn(chat.url, name)));
        const clients = tokens.map(({ token }) => ChatClient.knock(chat.url, token));
        const refused = Promise.any(clients.map(({ socket }) => nextEvent(socket, 'unauthenticated')));
        await eventually(() => clients.some((client) => client.all('welcome').length > 0));
        await refused;
        expect(clients.filter((client) => client.all('welcome').length > 0)).toHaveLength(1);
      }),
    );
  });
});
