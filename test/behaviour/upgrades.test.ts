// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { describe, expect, it } from 'vitest';
import { enter, serve } from './program.js';
import { newSession, serves, statusOf, upgradeOf } from './raw-upgrades.js';

describe('a request with a contradictory query', () => {
  it.each([
    ['the session', 'transport=websocket&sid=&sid=%SID%'],
    ['the session, in reverse order', 'transport=websocket&sid=%SID%&sid='],
    ['the transport', 'transport=websocket&transport=polling'],
    ['the version of the protocol', 'transport=websocket&EIO=3'],
    ['the form of binary messages', 'transport=websocket&b64=1&b64='],
  ])('is refused before allowRequest is called: %s', async (_, query) => {
    const server = await serve({
      options: ({ note }) => ({
        serverOptions: {
          allowRequest: (_request, decide) => {
            note('asked');
            decide(null, true);
          },
        },
      }),
    });
    const sid = await newSession(server);
    await server.note();
    const target = `/socket.io/?EIO=4&${query.replace('%SID%', sid)}`;
    expect(await statusOf(server, upgradeOf(target))).toBe(400);
    expect(await statusOf(server, `GET ${target} HTTP/1.1\r\nHost: server\r\n\r\n`)).toBe(400);
    expect(await server.notes()).toEqual(['asked']);
    await serves(server);
  });

  it('cannot pass the origin guard with its own session', async () => {
    const server = await serve({ options: () => ({ serverOptions: { cors: { origin: 'https://app.example' } } }) });
    const sid = await newSession(server);
    const target = `/socket.io/?EIO=4&transport=websocket&sid=&sid=${sid}`;
    expect(await statusOf(server, upgradeOf(target, 'Origin: https://evil.example\r\n'))).toBe(400);
    expect(await server.run(({ io }) => io.engine.clientsCount)).toBe(1);
  });

  it('may repeat a parameter without effect', async () => {
    const server = await serve();
    const target = '/socket.io/?EIO=4&transport=websocket&color=red&color=blue';
    expect(await statusOf(server, upgradeOf(target))).toBe(101);
  });
});

describe('the size of a handshake is limited:', () => {
  it.each([
    ['51 parameters', `/socket.io/?EIO=4&transport=polling${'&a'.repeat(49)}`, '', 400],
    ['50 parameters', `/socket.io/?EIO=4&transport=polling${'&a'.repeat(48)}`, '', 200],
    ['101 headers', '/socket.io/?EIO=4&transport=polling', headers(101), 431],
    ['90 headers', '/socket.io/?EIO=4&transport=polling', headers(90), 200],
  ])('%s', async (_, target, lines, status) => {
    const server = await serve();
    expect(await statusOf(server, `GET ${target} HTTP/1.1\r\nHost: server\r\n${lines}\r\n`)).toBe(status);
    if (status !== 200) {
      expect(await statusOf(server, upgradeOf(target.replace('polling', 'websocket'), lines))).toBe(status);
    }
    await serves(server);
  });
});

function headers(count: number): string {
  return Array.from({ length: count }, (_, at) => `h${at}: 1\r\n`).join('');
}

it('a request target that is no URL does not end the process with the path "/"', async () => {
  const server = await serve({ options: () => ({ serverOptions: { path: '/' } }) });
  for (const target of ['//:', '/\\:', '//[', '//%zz@:99999', '/?%', '/?sid=%E0%A4%A']) {
    expect([0, 400, 404]).toContain(await statusOf(server, `GET ${target} HTTP/1.1\r\nHost: server\r\n\r\n`));
    expect([0, 400, 404]).toContain(await statusOf(server, upgradeOf(target)));
  }
  expect(server.program.stderr).toBe('');
  await enter(server.url, { path: '/' });
});
