// npm test: node, bun
// npm run test:matrix: newest-node, oldest-bun
import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { track } from '../support/cleanup.js';
import { called, createHelper, startWordsServer } from '../support/client.js';
import { listen } from '../support/server.js';

/** A port without a listener. */
async function closedPort(): Promise<number> {
  const http = createServer();
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as { port: number };
  await new Promise((resolve) => http.close(resolve));
  return port;
}

async function answering(status: number, body = '', headers = {}): Promise<string> {
  const http = createServer((_, response) => response.writeHead(status, headers).end(body));
  http.on('upgrade', (_, socket) => socket.end(`HTTP/1.1 ${status} No\r\nConnection: close\r\n\r\n`));
  return (await listen(http)).url;
}

describe.each(['polling', 'websocket'] as const)('a failed attempt to connect over %s', (transport) => {
  async function failureAt(host: string, more = {}) {
    const client = createHelper(host, { options: { transports: [transport], ...more } });
    const [, error] = await called(client, 'onError');
    client.helper.disconnect();
    return error as Error;
  }

  it('names a refused connection, keeps the raw error, and passes it to the status and waitFor()', async () => {
    const port = await closedPort();
    const text = `connection refused at 127.0.0.1:${port}: no server listens there`;
    const { helper, calls } = createHelper(`http://127.0.0.1:${port}`, {
      options: {
        transports: [transport],
        reconnectionDelay: 60_000,
        reconnectionDelayMax: 60_000,
        randomizationFactor: 0,
      },
    });
    const [, error] = await calls.next(([name]) => name === 'onError');
    expect(error).toMatchObject({ message: text, cause: { type: 'TransportError' } });
    expect(helper.getStatus()).toMatchObject({ status: 'waiting', message: text });
    await expect(helper.waitFor('authenticated', { timeout: 1 })).rejects.toMatchObject({
      code: 'timed_out',
      message: `waitFor("authenticated") timed out after 1 ms; the status is "waiting" (${text}).`,
    });
  });

  it.each([
    [404, /^no Socket\.IO server at \/io on http:\S+ \(HTTP 404\)/],
    [502, /^a proxy at http:\S+ can't reach the server \(HTTP 502\)/],
    [200, /^http:\S+ answered at \/io.*, but not as a Socket\.IO server/],
    [307, /^http:\S+ redirects to \S+.*, and Socket\.IO does not follow/],
  ])('names an answer with HTTP %d', async (status, text) => {
    const headers = status === 307 ? { location: 'http://127.0.0.1:1/elsewhere' } : {};
    expect((await failureAt(await answering(status, '<html>', headers))).message).toMatch(text);
  });

  it('names a server that does not answer', async () => {
    const http = createServer(() => {});
    http.on('upgrade', (_, socket) => track({ stop: () => void socket.destroy() }));
    const { url } = await listen(http);
    expect((await failureAt(url, { timeout: 50 })).message).toBe(
      `no answer from ${url} at /io within 50 ms; check "options.path"`,
    );
  });

  it('names a namespace that does not exist', async () => {
    const { url } = await startWordsServer();
    expect((await failureAt(`${url}/io`)).message).toMatch(/^the server has no namespace "\/io"/);
  });

  it('repeats the last cause when every attempt has failed', async () => {
    const port = await closedPort();
    const { helper } = createHelper(`http://127.0.0.1:${port}`, {
      options: { transports: [transport], reconnectionAttempts: 1 },
    });
    await helper.waitFor('disconnected');
    expect(helper.getStatus().message).toMatch(
      /^every attempt to connect failed; the last one: connection refused at /,
    );
  });
});
