// npm test: node
// npm run test:matrix: newest-node
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttp, type RequestListener, type Server } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connectAuthenticated, listen, startServer, TRANSPORTS } from '../support/server.js';

const makers: Record<string, () => Promise<Server>> = {
  Express: async () => {
    const app = express();
    app.get('/hello', (_, response) => {
      response.send('hello');
    });
    return createHttp(app as RequestListener);
  },
  Fastify: async () => {
    const app = fastify();
    app.get('/hello', async () => 'hello');
    onTestFinished(() => app.close().catch(() => {}));
    await app.ready();
    return app.server;
  },
  Hono: async () => {
    const app = new Hono();
    app.get('/hello', (context) => context.text('hello'));
    return createHttp(getRequestListener(app.fetch));
  },
};

describe.each(Object.entries(makers))('next to %s', (_, make) => {
  it('both work, before and after attaching', async () => {
    const { http, url } = await listen(await make());
    const hello = async () => (await fetch(`${url}/hello`)).text();
    expect(await hello()).toBe('hello');
    const { helper } = await startServer({ server: http });
    expect(await hello()).toBe('hello');
    for (const transports of TRANSPORTS) {
      const client = await connectAuthenticated(url, { transports: [...transports] });
      helper.send({ destination: client.socket.id, payload: { topic: 'x', data: 1 } });
      expect(await client.heardOf('x')).toBe(1);
    }
    expect(await hello()).toBe('hello');
    await helper.shutdown();
    expect(http.listening).toBe(false);
  });
});

describe('https', () => {
  it('works, and the handshake is secure', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'roomgate-tls-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    const request = [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '1',
    ];
    execFileSync('openssl', [...request, '-keyout', key, '-out', cert, ...subject], { stdio: 'ignore' });
    const ca = readFileSync(cert);
    const { http, url } = await listen(createHttps({ key: readFileSync(key), cert: ca }));
    const secure: boolean[] = [];
    await startServer({
      server: http,
      authenticateFn: (handshake) => {
        secure.push(handshake.secure);
        return true;
      },
    });
    for (const transports of TRANSPORTS) {
      await connectAuthenticated(url.replace('http:', 'https:'), { transports: [...transports], ca: ca.toString() });
    }
    expect(secure).toEqual([true, true, true]);
  });
});
