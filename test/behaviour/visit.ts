import { request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import WebSocket from 'ws';
import { defer } from '../support/cleanup.js';
import { EventLog } from '../support/facts.js';

const SEPARATOR = '\x1e';

export interface Visit {
  readonly way: 'websocket' | 'polling' | 'upgraded';
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** In raw form: appended to `?EIO=4&transport=…`. */
  readonly query?: string;
  readonly auth?: unknown;
}

/** Connects like a client, with exactly this path and these headers: no library encodes or sorts them. */
export async function visit(url: string, { way, headers = {}, query = '', auth }: Visit): Promise<void> {
  const connect = `40${auth === undefined ? '' : JSON.stringify(auth)}`;
  const to = (transport: string, more: string): string => `/socket.io/?EIO=4&transport=${transport}${more}`;
  if (way === 'websocket') {
    const { socket, frames } = await openWebSocket(url, to('websocket', query), headers);
    socket.send(connect);
    await frames.next((frame) => frame.startsWith('40'));
    socket.send('42["authenticate"]');
    await frames.next((frame) => frame.startsWith('42["authenticated"'));
    return;
  }
  const [open = ''] = await ask(url, to('polling', query), headers);
  const { sid } = JSON.parse(open.slice(1)) as { sid: string };
  const session = to('polling', `&sid=${sid}`);
  await ask(url, session, headers, connect);
  const heard = await ask(url, session, headers);
  if (!heard.some((packet) => packet.startsWith('40{'))) throw new Error(`no answer to CONNECT: ${heard}`);
  if (way === 'upgraded') {
    const { socket, frames } = await openWebSocket(url, to('websocket', `&sid=${sid}`), {});
    socket.send('2probe');
    await frames.next((frame) => frame === '3probe');
    socket.send('5');
    socket.send('42["authenticate"]');
    await frames.next((frame) => frame.startsWith('42["authenticated"'));
    return;
  }
  await ask(url, session, headers, '42["authenticate"]');
  const last: string[] = [];
  while (!last.some((packet) => packet.startsWith('42["authenticated"')))
    last.push(...(await ask(url, session, headers)));
}

async function openWebSocket(url: string, path: string, headers: Visit['headers']) {
  const target = `${url.replace(/^http/, 'ws')}${path}`;
  const socket = new WebSocket(target, {
    headers: { ...headers } as Record<string, string>,
    perMessageDeflate: false,
    rejectUnauthorized: false,
    // Sets the raw path, which `ws` would encode.
    finishRequest: (request) => {
      request.path = path;
      request.end();
    },
  });
  defer(() => socket.terminate());
  const frames = new EventLog<string>();
  socket.on('message', (data) => frames.push(String(data)));
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.on('error', reject);
  });
  return { socket, frames };
}

/** The packets in the answer to a poll, or with a body to a POST. */
function ask(url: string, path: string, headers: Visit['headers'] = {}, body?: string): Promise<string[]> {
  const { hostname, port, protocol } = new URL(url);
  const request = protocol === 'https:' ? secureRequest : plainRequest;
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        hostname: hostname.replace(/[[\]]/g, ''),
        port,
        path,
        method: body === undefined ? 'GET' : 'POST',
        headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'text/plain;charset=UTF-8' }) },
        agent: false,
        rejectUnauthorized: false,
      },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        answer.on('end', () => {
          if (answer.statusCode === 200) resolve(text.split(SEPARATOR));
          else reject(new Error(`${path} was answered ${answer.statusCode}: ${text}`));
        });
      },
    );
    asked.on('error', reject);
    asked.end(body);
  });
}
