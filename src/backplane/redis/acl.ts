import { isReplyOf, type RedisConnection } from './client.js';

/** Redis refused a command by its access control list. Names the command, its channel or key, and the missing rule. */
export class RefusedError extends Error {
  // The name that ioredis gives to error replies, so that `isReply` returns true.
  override readonly name = 'ReplyError';
  /** Such as `CLIENT KILL`. */
  readonly command: string;
  /** The rule that allows it, such as `+client|kill`. */
  readonly rule: string;

  constructor(command: string, what: string, rule: string, cause: Error) {
    super(`${cause.message.replace(/\.$/, '')}; ${`${command} ${what}`.trim()} needs the ACL rule ${rule}`, { cause });
    this.command = command;
    this.rule = rule;
  }
}

/** Commands with subcommands. An ACL rule names both, as in `client|kill`. */
const CONTAINERS: ReadonlySet<string> = new Set(['CLIENT', 'CLUSTER', 'PUBSUB']);

/** Adds the command, the channel or key, and the missing rule to a `NOPERM`. Returns any other error unchanged. */
export function explain(error: unknown, name: string, ...args: readonly (string | number)[]): unknown {
  if (!isReplyOf(error, 'NOPERM') || error instanceof RefusedError) return error;
  const upper = name.toUpperCase();
  const isContainer = CONTAINERS.has(upper);
  const command = isContainer ? `${upper} ${args[0]}`.toUpperCase() : upper;
  const what = isContainer ? '' : String(args[0] ?? '');
  // The text of the refusal depends on the version of Redis, and on whether it is about a channel, a key or a command.
  if (/\bchannels?\b/.test(error.message))
    return new RefusedError(command, shown(what), channelRule(upper, what), error);
  if (/\bkeys?\b/.test(error.message)) return new RefusedError(command, what, '~roomgate:*', error);
  return new RefusedError(command, '', `+${command.toLowerCase().replace(' ', '|')}`, error);
}

/** Sends a command. A rejection by the ACL names the command and the missing rule. */
export async function call(client: RedisConnection, name: string, ...args: (string | number)[]): Promise<unknown> {
  try {
    return await client.call(name, ...args);
  } catch (error) {
    throw explain(error, name, ...args);
  }
}

/** The namespace that a channel or a pattern of Socket.IO's adapter belongs to. */
export function namespaceOf(channel: string): string | undefined {
  return /^[^#]*#([^#]*)#/.exec(channel)?.[1];
}

/** For PSUBSCRIBE, Redis compares the pattern with its rules character by character. */
function channelRule(command: string, channel: string): string {
  if (command === 'PSUBSCRIBE') return `&${channel}`;
  if (channel.startsWith('roomgate:')) return '&roomgate:*';
  return `&${channel.replace(/(?:-request|-response)?#.*$/s, '')}*`;
}

/** The channel without its room: clients name rooms. */
function shown(channel: string): string {
  return channel.startsWith('roomgate:') ? channel : channel.replace(/^([^#]*#[^#]*#).+$/s, '$1*');
}
