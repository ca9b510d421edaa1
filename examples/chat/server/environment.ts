import { randomBytes } from 'node:crypto';
import { RuntimeModules } from 'roomgate';
import { z } from 'zod';

const DEFAULT_PORT = 3000;

/** The command that starts the chat on this runtime. */
export const START = RuntimeModules.isBun() ? 'npm run start:bun' : 'npm start';

const wholeNumber = (from: number, to: number) =>
  z
    .string()
    .refine((text) => Number.isInteger(Number(text)) && Number(text) >= from && Number(text) <= to, {
      error: ({ input }) => `a number from ${from} to ${to}, received "${input}"`,
    })
    .transform(Number);

const isRedisUrl = (text: string): boolean => /^rediss?:\/\/./.test(text) && URL.canParse(text);

const schema = z.object({
  PORT: wholeNumber(0, 65_535).default(DEFAULT_PORT),
  /** Without it: all interfaces. */
  HOST: z.string().optional(),
  REDIS_URL: z.string().refine(isRedisUrl, 'an address such as redis://127.0.0.1:6379').optional(),
  CHAT_SECRET: z.string().default(() => randomBytes(32).toString('base64url')),
  /** How long a token for a connection is valid. */
  TOKEN_SECONDS: wholeNumber(2, 3_600).default(600),
  OPERATOR_TOKEN: z.string().default(() => randomBytes(24).toString('base64url')),
});

export type Environment = z.infer<typeof schema>;

/** A mistake that its message explains, so no stack is printed. */
export class Complaint extends Error {}

/** @throws Complaint */
export function readEnvironment(env: NodeJS.ProcessEnv): Environment {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const { data, error } = schema.safeParse(given);
  if (data !== undefined) return data;
  throw new Complaint(error.issues.map(({ path, message }) => `${path.join()} must be ${message}.`).join('\n'));
}

/** Codes of Node.js and Bun for a host that is not an address of this machine. */
const WRONG_HOST: ReadonlySet<unknown> = new Set(['ENOTFOUND', 'EADDRNOTAVAIL', 'EINVAL', 'EADDRINUSE']);

/** Replaces a system error with one that explains the fix. */
export function explain(error: unknown, { PORT, HOST }: Environment): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  const advice = `Choose another one, for example: PORT=${portAfter(PORT)} ${START}`;
  // Port 0 is any free port, so it is never in use: Bun 1.2 reports this for a wrong host.
  if (code === 'EADDRINUSE' && PORT !== 0) return new Complaint(`Port ${PORT} is in use by another program. ${advice}`);
  if (code === 'EACCES') return new Complaint(`Port ${PORT} is not available to this user. ${advice}`);
  if (code === 'redis_unreachable') return new Complaint(message);
  if (!WRONG_HOST.has(code)) return error;
  const example = `For example: HOST=127.0.0.1 ${START}`;
  return new Complaint(`HOST must be an address of this machine, received "${HOST}". ${example}`);
}

export function portAfter(port: number): number {
  return port < 65_535 ? port + 1 : DEFAULT_PORT;
}
