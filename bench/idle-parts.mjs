// `node bench/idle-parts.mjs [--clients 3000] [--rounds 3]`: the memory scenarios, each time with one part of
// src/socketio/idle-connections.ts switched off in a copy of the built package. Build first.
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { run } from '../scripts/run.mjs';

const REQUEST = ['compacted(request) ?? request', 'request'];
const RESPONSES = ['this.#responses.drop(stream)', 'void stream'];
const LISTENERS = ['listensAsExpected(connection)', 'false'];

/** The parts that are switched off. */
const PARTS = {
  nothing: [],
  request: [REQUEST],
  responses: [RESPONSES],
  listeners: [LISTENERS],
  all: [REQUEST, RESPONSES, LISTENERS],
};

const root = new URL('../', import.meta.url);

/** Copies the built package and returns its path, relative to `servers/`. */
function buildWithout(part, replacements) {
  const folder = `.cache/idle-parts/${part}`;
  cpSync(new URL('dist', root), new URL(folder, root), { recursive: true });
  const file = new URL(`${folder}/socketio/idle-connections.js`, root);
  let source = readFileSync(file, 'utf8');
  for (const [from, to] of replacements) {
    if (source.split(from).length !== 2) throw new Error(`${file.pathname}: expected "${from}" once.`);
    source = source.replace(from, to);
  }
  writeFileSync(file, source);
  return `../../${folder}/index.js`;
}

const variants = Object.entries(PARTS).map(
  ([part, replacements]) => `roomgate{"build":"${buildWithout(part, replacements)}"}`,
);
const { ok } = await run(process.execPath, [
  fileURLToPath(new URL('run.mjs', import.meta.url)),
  ...['--only', 'idle,idle-upgraded', '--variants', variants.join(), '--name', 'idle-parts', '--rounds', '3'],
  ...process.argv.slice(2),
]);
if (!ok) process.exitCode = 1;
