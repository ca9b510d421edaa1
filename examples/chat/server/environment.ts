import { randomBytes } from 'node:crypto';
import { RuntimeModules } from 'roomgate';

const DEFAULT_PORT = 3000;
const DEFAULT_TOKEN_SECONDS = 600;
const MOST_TOKEN_SECONDS = 3_600;

/** The command that starts the chat on this runtime. */
export const START = RuntimeModules.isBun() ? 'npm run start:bun' : 'npm start';

export interface Environment {
  port: number;
  /** Undefined: all interfaces. */
  host: string | undefined;
  redisUrl: string | undefined;
  secret: string;
  /** How long a token for a connection is valid. */
  tokenSeconds: number;
  operatorToken: string;
}

/** A mistake that its message explains, so no stack is printed. */
export class Complaint extends Error {}

/** @throws Complaint */
export function readEnvironment(env: NodeJS.ProcessEnv): Environment {
  return {
    port: readPort(env.PORT),
    host: env.HOST || undefined,
    redisUrl: readRedisUrl(env.REDIS_URL),
    secret: env.CHAT_SECRET || randomBytes(32).toString('base64url'),
    tokenSeconds: readTokenSeconds(env.TOKEN_SECONDS),
    operatorToken: env.OPERATOR_TOKEN || randomBytes(24).toString('base64url'),
  };
}

/** Codes of Node.js and Bun for a host that is not an address of this machine. */
const WRONG_HOST: ReadonlySet<unknown> = new Set(['ENOTFOUND', 'EADDRNOTAVAIL', 'EINVAL', 'EADDRINUSE']);

/** Replaces a system error with one that explains the fix. */
export function explain(error: unknown, { port, host }: Environment): unknown {
  const { code } = error as { code?: unknown };
  const another = port < 65_535 ? port + 1 : DEFAULT_PORT;
  const advice = `Choose another one, for example: PORT=${another} ${START}`;
  // Port 0 is any free port, so it is never in use: Bun 1.2 reports this for a wrong host.
  if (code === 'EADDRINUSE' && port !== 0) return new Complaint(`Port ${port} is in use by another program. ${advice}`);
  if (code === 'EACCES') return new Complaint(`Port ${port} is not available to this user. ${advice}`);
  if (WRONG_HOST.has(code)) {
    return new Complaint(
      `HOST must be an address of this machine, received "${host}". For example: HOST=127.0.0.1 ${START}`,
    );
  }
  if (code === 'redis_unreachable') return new Complaint((error as Error).message);
  return error;
}

function readPort(given: string | undefined): number {
  if (given === undefined || given === '') return DEFAULT_PORT;
  const port = Number(given);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new Complaint(`PORT must be a number from 0 to 65535, received "${given}". For example: PORT=3001 ${START}`);
}

function readTokenSeconds(given: string | undefined): number {
  if (given === undefined || given === '') return DEFAULT_TOKEN_SECONDS;
  const seconds = Number(given);
  if (Number.isInteger(seconds) && seconds >= 2 && seconds <= MOST_TOKEN_SECONDS) return seconds;
  throw new Complaint(`TOKEN_SECONDS must be a number from 2 to ${MOST_TOKEN_SECONDS}, received "${given}".`);
}

function readRedisUrl(given: string | undefined): string | undefined {
  if (given === undefined || given === '') return undefined;
  if (/^rediss?:\/\/./.test(given) && URL.canParse(given)) return given;
  // The value may contain a password, so the message does not repeat it.
  throw new Complaint('REDIS_URL must be an address such as redis://127.0.0.1:6379.');
}
