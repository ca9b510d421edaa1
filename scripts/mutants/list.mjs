import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BACKPLANE } from './backplane.mjs';
import { CLIENT } from './client.mjs';
import { FANOUT } from './fanout.mjs';
import { HANDLERS } from './handlers.mjs';
import { INGRESS } from './ingress.mjs';
import { LIMITS } from './limits.mjs';
import { OBSERVABILITY } from './observability.mjs';
import { PROTOCOL } from './protocol.mjs';
import { RUNTIME } from './runtime.mjs';
import { SERVER } from './server.mjs';
import { SOCKETIO } from './socketio.mjs';

/** Folders of `src` and the mutants in them. */
const GROUPS = [
  { folders: ['protocol', 'common'], mutants: PROTOCOL },
  { folders: ['client'], mutants: CLIENT },
  { folders: ['gate', 'session', 'rooms', 'server', 'limits'], mutants: [...SERVER, ...LIMITS] },
  { folders: ['handlers'], mutants: HANDLERS },
  { folders: ['runtime'], mutants: RUNTIME },
  { folders: ['backplane'], mutants: BACKPLANE },
  { folders: ['fanout'], mutants: FANOUT },
  { folders: ['socketio'], mutants: SOCKETIO },
  { folders: ['observability'], mutants: OBSERVABILITY },
  { folders: ['ingress'], mutants: INGRESS },
];

const FEWEST_OF_A_GROUP = 6;

/**
 * A title in a test file: the first string argument of `describe`, `it` or `test`. With `.each(rows)` it follows the
 * rows' closing parenthesis.
 */
const TITLE =
  /(?:\b(?:describe|it|test)(?:\.\w+)*|\))\(\s*(?:'((?:\\.|[^'\\\n])*)'|"((?:\\.|[^"\\\n])*)"|`((?:\\.|[^`\\])*)`)/g;

/**
 * A fault, as caused by a mistake or exploited by an attacker, and the test file that detects it.
 *
 * @typedef {object} Mutant @property {string} id @property {string} file the changed file @property {string} from
 * occurs in the file exactly once @property {string} to @property {string} breaks the effect of the fault @property
 * {string} test the file that detects it @property {string} on the Vitest project that runs it @property {string}
 * [only] titles of the tests to run, in the syntax of Vitest's `-t`, if the whole file takes long. It must
 *   match one title in its source form, in which `%s` and `$name` have no values. So a renamed test is noticed
 */

/** @type {readonly Mutant[]} */
export const MUTANTS = GROUPS.flatMap(({ mutants }) => mutants);

/**
 * Faults of the list itself, such as quotes of changed code. Runs no tests.
 *
 * @param {string} root the folder of the project
 * @returns {Promise<string[]>}
 */
export async function faultsOf(root) {
  const faults = await Promise.all(MUTANTS.map((mutant) => faultOf(root, mutant)));
  const few = GROUPS.filter(({ folders, mutants }) => countIn(folders, mutants) < FEWEST_OF_A_GROUP);
  return [
    ...faults.flat(),
    ...few.map(({ folders }) => `src/${folders.join(', src/')}: expected at least ${FEWEST_OF_A_GROUP} mutants`),
  ];
}

async function faultOf(root, { id, file, from, to, test, only }) {
  const [source, tests] = await Promise.all([read(join(root, file)), read(join(root, test))]);
  const times = (source ?? '').split(from).length - 1;
  return [
    ...(source === undefined ? [`${id}: there is no ${file}`] : []),
    ...(tests === undefined ? [`${id}: there is no ${test}`] : []),
    ...(tests !== undefined && !hasTitle(tests, only) ? [`${id}: no title in ${test} matches "${only}"`] : []),
    ...(source !== undefined && times !== 1 ? [`${id}: its text stands ${times} times in ${file}`] : []),
    ...(from === to ? [`${id}: it changes nothing`] : []),
    ...(MUTANTS.filter((other) => other.id === id).length > 1 ? [`${id}: there are several of that id`] : []),
  ];
}

function hasTitle(tests, only) {
  if (only === undefined) return true;
  const titles = [...tests.matchAll(TITLE)].map(([, single, double, template]) => single ?? double ?? template);
  return titles.some((title) => new RegExp(only).test(title.replace(/\\(.)/g, '$1')));
}

function countIn(folders, mutants) {
  return mutants.filter(({ file }) => folders.includes(file.split('/')[1])).length;
}

function read(path) {
  return readFile(path, 'utf8').catch(() => undefined);
}
