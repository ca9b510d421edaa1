import { bunProgram } from './program.mjs';

/**
 * The measured variants: a program in `servers`, and its runtime. `redis`: it needs Redis, or is the variant that uses
 * it.
 */
export const VARIANTS = {
  plain: { title: 'plain Socket.IO', file: 'plain' },
  'plain-redis': { title: 'plain Socket.IO + redis-adapter', file: 'plain', redis: true },
  roomgate: { title: 'Roomgate, Node.js', file: 'roomgate' },
  'roomgate-redis': { title: 'Roomgate + Redis, Node.js', file: 'roomgate', redis: true },
  'roomgate-bun': { title: 'Roomgate, Bun', file: 'roomgate', bun: true },
  'roomgate-bun-redis': { title: 'Roomgate + Redis, Bun', file: 'roomgate', bun: true, redis: true },
  ignis: { title: 'ignis-helpers', file: 'ignis', redis: true },
  nest: { title: 'NestJS gateway', file: 'nest' },
  ws: { title: 'ws loop', file: 'ws' },
  'bun-native': { title: "Bun's publish", file: 'bun-native', bun: true },
  'bun-engine': { title: 'stock bun-engine', file: 'bun-engine', bun: true },
};

/**
 * `name`, or `name{"fanout":false}` with options for the server's program, and `name#2` for a second run of the same.
 * `{"spin":1}` adds a microsecond of work per delivery to any of them.
 */
export function parseVariant(text) {
  const [, name, json, again] = /^([a-z-]+)(\{.*\})?(#\w+)?$/.exec(text) ?? [];
  const known = VARIANTS[name];
  if (known === undefined) throw new Error(`no variant "${text}"; there are ${Object.keys(VARIANTS).join(', ')}`);
  const options = json ? JSON.parse(json) : {};
  const { spin, serverOptions, build, ...own } = options;
  return {
    ...known,
    name: text,
    title: `${known.title}${json ?? ''}${again ?? ''}`,
    settings: { spin, serverOptions, build, options: own },
  };
}

/** Splits at commas outside of braces. */
export const parseVariants = (text) => text.split(/,(?![^{]*\})/).map(parseVariant);

export const missing = ({ bun }) => (bun && bunProgram() === undefined ? 'no Bun is installed here' : undefined);
