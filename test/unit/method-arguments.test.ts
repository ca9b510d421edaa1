// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { startServer } from '../support/server.js';

const NAME = 'expected a non-empty string of at most 255 characters';
const LONG = 'x'.repeat(256);

/** The methods that name clients, with a valid argument each. */
const METHODS = [
  ['revoke', { user: 'ann' }],
  ['revalidate', { user: 'ann' }],
  ['joinRooms', { user: 'ann', rooms: ['a'] }],
  ['explain', { user: 'ann' }],
] as const;

describe.each(METHODS)('%s() refuses', (method, valid) => {
  it.each([
    ['a user that is empty', { user: '' }, `user: ${NAME}, received an empty string.`],
    ['a user that is too long', { user: LONG }, `user: ${NAME}, received a string.`],
    ['a field with another name', { useer: 'ann' }, '"useer" does not exist; did you mean "user"?'],
  ])('%s with the words of the others', async (_, wrong, text) => {
    const { helper } = await startServer();
    const calling = Promise.resolve(helper[method]({ ...valid, ...wrong } as never));
    await expect(calling).rejects.toMatchObject({ code: 'invalid_argument', message: `${method}(): ${text}` });
  });
});

describe.each(['revoke', 'revalidate', 'explain'] as const)('%s() refuses', (method) => {
  const reserved = `${NAME} that is not reserved for the library`;
  it.each([
    ['a room that is empty', { room: '' }, `room: ${reserved}, received an empty string.`],
    ['a room that is too long', { room: LONG }, `room: ${reserved}, received a string.`],
    ['a room that is reserved', { room: 'roomgate:user:ann' }, `room: ${reserved}, received a string.`],
    ['a timeout of 0', { timeout: 0 }, 'timeout: expected a number of milliseconds from 1 to 2147483647, received 0.'],
  ])('%s with the words of the others', async (_, wrong, text) => {
    const { helper } = await startServer();
    const calling = helper[method]({ user: 'ann', ...wrong });
    await expect(calling).rejects.toMatchObject({ code: 'invalid_argument', message: `${method}(): ${text}` });
  });
});

it('revalidate() takes the name of a room as long as clients may ask for', async () => {
  const { helper: wide } = await startServer({ limits: { roomNameLength: 300 } });
  expect(await wide.revalidate({ room: LONG })).toMatchObject({ unconfirmed: [], left: 0 });
});
