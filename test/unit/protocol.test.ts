import { describe, expect, it } from 'vitest';
import { RuntimeModules, SocketIOClientStates, SocketIOConstants } from '../../src/index.js';

describe('constants', () => {
  it('are the words of the documented protocol', () => {
    expect({ ...SocketIOConstants }).toEqual({
      EVENT_PING: 'ping',
      EVENT_CONNECT: 'connection',
      EVENT_DISCONNECT: 'disconnect',
      EVENT_JOIN: 'join',
      EVENT_LEAVE: 'leave',
      EVENT_AUTHENTICATE: 'authenticate',
      EVENT_AUTHENTICATED: 'authenticated',
      EVENT_UNAUTHENTICATE: 'unauthenticated',
      ROOM_DEFAULT: 'io-default',
      ROOM_NOTIFICATION: 'io-notification',
    });
  });

  it('know the states of a client, in their order', () => {
    expect([...SocketIOClientStates.SCHEME_SET]).toEqual(['unauthorized', 'authenticating', 'authenticated']);
    for (const state of SocketIOClientStates.SCHEME_SET) expect(SocketIOClientStates.isValid(state)).toBe(true);
    for (const other of ['', 'AUTHENTICATED', 'constructor', undefined, null, 1, {}]) {
      expect(SocketIOClientStates.isValid(other)).toBe(false);
    }
  });

  it('know the runtime', () => {
    expect([RuntimeModules.NODE, RuntimeModules.BUN]).toEqual(['node', 'bun']);
    expect([RuntimeModules.detect(), RuntimeModules.isNode(), RuntimeModules.isBun()]).toEqual(['node', true, false]);
  });
});

describe('runtime: "bun"', () => {
  it('is refused by configure(), in words that help, and hands out its engine', async () => {
    const { SocketIOServerHelper } = await import('../../src/index.js');
    const engine = { on() {}, close() {} };
    const helper = new SocketIOServerHelper({
      runtime: 'bun',
      engine,
      identifier: 'a',
      serverOptions: {},
      authenticateFn: () => true,
    });
    expect(helper.getEngine()).toBe(engine);
    await expect(helper.configure()).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('Node.js'),
    });
    await helper.shutdown();
  });
});
