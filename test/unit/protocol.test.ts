// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { RuntimeModules, SocketIOClientStates, SocketIOConstants } from '../../src/index.js';

describe('constants', () => {
  it('have the documented values', () => {
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

  it('list the states of a client in order', () => {
    expect([...SocketIOClientStates.SCHEME_SET]).toEqual(['unauthorized', 'authenticating', 'authenticated']);
    for (const state of SocketIOClientStates.SCHEME_SET) expect(SocketIOClientStates.isValid(state)).toBe(true);
    for (const other of ['', 'AUTHENTICATED', 'constructor', undefined, null, 1, {}]) {
      expect(SocketIOClientStates.isValid(other)).toBe(false);
    }
  });

  it('name the runtime', () => {
    expect([RuntimeModules.NODE, RuntimeModules.BUN]).toEqual(['node', 'bun']);
    expect([RuntimeModules.detect(), RuntimeModules.isNode(), RuntimeModules.isBun()]).toEqual(['node', true, false]);
  });
});

describe('runtime: "bun"', () => {
  it('returns its engine, and binds one of another package unchanged', async () => {
    const { SocketIOServerHelper } = await import('../../src/index.js');
    const heard: string[] = [];
    const engine = { on: (event: string) => heard.push(event), close: () => heard.push('close') };
    const options = { runtime: 'bun', engine, identifier: 'a', serverOptions: {}, authenticateFn: () => true } as const;
    const helper = new SocketIOServerHelper(options);
    expect(helper.getEngine()).toBe(engine);
    await helper.configure();
    await expect(new SocketIOServerHelper(options).configure()).rejects.toMatchObject({
      code: 'invalid_option',
      message: expect.stringContaining(
        'this engine belongs to SocketIOServerHelper "a", even after its shutdown. Create a new engine',
      ),
    });
    await helper.shutdown();
    expect(heard).toEqual(['connection', 'connection', 'connection', 'close']);
  });
});
