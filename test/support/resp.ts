import { connect } from 'node:net';
import { within } from './facts.js';

type Reply = string | Error | readonly Reply[];

const PATIENCE_MS = 5_000;

/**
 * Sends one command to a Redis on a new connection; resolves to the answer in the format of `redis-cli`: one line for
 * each entry. It starts no process, because some tests send many commands.
 */
export async function askRedis(port: number, password: string | undefined, args: readonly string[]): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port });
  // A server without a password refuses AUTH, but answers the next command.
  const commands = password === undefined ? [args] : [['AUTH', password], args];
  try {
    const replies = new Promise<Reply[]>((resolve, reject) => {
      let text = '';
      let found: Reply[] = [];
      socket.setEncoding('latin1').on('data', (chunk) => {
        text += String(chunk);
        found = readAll(text);
        if (found.length >= commands.length) resolve(found);
      });
      socket.once('error', (error) => reject(new Error(`Could not connect to Redis: ${error.message}`)));
      // A server at its limit of clients sends an error, and closes the connection.
      socket.once('close', () =>
        found.length > 0 ? resolve(found) : reject(new Error('Redis closed the connection')),
      );
    });
    socket.write(commands.map(encode).join(''), 'latin1');
    const reply = (await within(replies, `Redis answered ${args.join(' ')}`, PATIENCE_MS)).at(-1) ?? '';
    if (reply instanceof Error) throw reply;
    return Buffer.from(print(reply), 'latin1').toString().replace(/\n$/, '');
  } finally {
    socket.destroy();
  }
}

/** As text in which each character is a byte. */
function encode(args: readonly string[]): string {
  const bytes = args.map((arg) => Buffer.from(arg).toString('latin1'));
  return `*${args.length}\r\n${bytes.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join('')}`;
}

function print(reply: Reply): string {
  if (reply instanceof Error) return reply.message;
  return typeof reply === 'string' ? reply : reply.map(print).join('\n');
}

/** The replies that have arrived completely. */
function readAll(text: string): Reply[] {
  const replies: Reply[] = [];
  for (let at = 0; ; ) {
    const found = read(text, at);
    if (found === undefined) return replies;
    replies.push(found.reply);
    at = found.end;
  }
}

function read(text: string, at: number): { reply: Reply; end: number } | undefined {
  const lineEnd = text.indexOf('\r\n', at);
  if (lineEnd < 0) return undefined;
  const [kind, line, start] = [text[at], text.slice(at + 1, lineEnd), lineEnd + 2];
  if (kind === '-') return { reply: new Error(line), end: start };
  if (kind !== '$' && kind !== '*') return { reply: line, end: start };
  const size = Number(line);
  // A null reply: the value does not exist.
  if (size < 0) return { reply: '', end: start };
  if (kind === '$') {
    const end = start + size + 2;
    return text.length < end ? undefined : { reply: text.slice(start, end - 2), end };
  }
  return readList(text, start, size);
}

function readList(text: string, start: number, size: number): { reply: Reply; end: number } | undefined {
  const entries: Reply[] = [];
  let at = start;
  while (entries.length < size) {
    const found = read(text, at);
    if (found === undefined) return undefined;
    entries.push(found.reply);
    at = found.end;
  }
  return { reply: entries, end: at };
}
