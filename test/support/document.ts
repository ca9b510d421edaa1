import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { bunPath } from './bun.js';
import { defer } from './cleanup.js';
import { temporaryFolder } from './folder.js';
import { type IProgram, startProgram } from './process.js';

const run = promisify(execFile);
/** What only a project has that installed the types of Bun. */
const BUN = /\bBun\.|@socket\.io\/bun-engine/;

/** The folder of the project. */
export const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

/** A block of code in a document. */
export interface ICodeBlock {
  /** What stands behind the opening fence: `ts`, `sh`, `nginx` … */
  readonly language: string;
  /** The file that the first line names in a comment, such as `// server.ts`; undefined without one. */
  readonly name: string | undefined;
  readonly code: string;
}

/** What a reader gets who pastes every named block of a document into an empty project. */
export interface IPastedProject {
  readonly folder: string;
  /** The names of the files, in the order of the document. */
  readonly files: readonly string[];
  /** What the compiler had to say; empty where all is well. */
  readonly compiled: string;
  /**
   * Starts one of the programs, by the name that it has in the document. `replace` says what stands in this run for a
   * port or an address of the document: `{ 3000: 41234 }`.
   */
  start(name: string, opts?: IStartOptions): Promise<IProgram>;
}

export interface IStartOptions {
  readonly replace?: Readonly<Record<string, string | number>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Bun runs the program as it stands in the document, and Node.js what the compiler made of it. Default `node`. */
  readonly runtime?: 'node' | 'bun';
}

/** The blocks of a document, which is named from the folder of the project: `docs/protocol.md`. */
export async function codeBlocksOf(document: string): Promise<readonly ICodeBlock[]> {
  const markdown = await readFile(join(PROJECT, document), 'utf8');
  const found = markdown.matchAll(/^(`{3,})(\w*)[^\n]*\n(.*?)^\1$/gms);
  return [...found].map(([, , language = '', code = '']) => ({ language, name: nameOf(code), code }));
}

function nameOf(code: string): string | undefined {
  const [, name] = /^(?:\/\/|#|<!--|\/\*) ([\w./-]+\.\w+)(?: -->| \*\/)?$/m.exec(code.split('\n', 1)[0] ?? '') ?? [];
  return name;
}

/** Pastes every named block into an empty project with the packages of this one, and compiles what is TypeScript. */
export async function pasteProject(document: string): Promise<IPastedProject> {
  const folder = await temporaryFolder('document');
  defer(() => rm(folder, { recursive: true, force: true }));
  const blocks = (await codeBlocksOf(document)).filter(({ name }) => name !== undefined);
  const files = blocks.map(({ name = '' }) => name);
  await linkPackages(folder);
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  for (const { name = '', code } of blocks) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), code);
  }
  const sources = files.filter((name) => /\.tsx?$/.test(name));
  const forBun = blocks.some(({ code }) => BUN.test(code));
  const compiled = await compile(folder, sources, forBun ? ['node', 'bun'] : ['node']);
  let started = 0;
  const start = async (name: string, opts: IStartOptions = {}): Promise<IProgram> => {
    const { replace = {}, env = {}, runtime = 'node' } = opts;
    const original = runtime === 'bun' ? join(folder, name) : join(folder, 'out', name.replace(/\.ts$/, '.js'));
    let code = await readFile(original, 'utf8');
    for (const [from, to] of Object.entries(replace)) code = code.replaceAll(from, `${to}`);
    // Beside the original, so that what it imports is found, and under a name of its own.
    started += 1;
    const file = original.replace(/\.(?=[jt]s$)/, `.run-${started}.`);
    await writeFile(file, code);
    return startProgram(file, { cwd: folder, env, node: runtime === 'bun' ? bunPath() : process.execPath });
  };
  return { folder, files, compiled, start };
}

async function linkPackages(folder: string): Promise<void> {
  const packages = join(folder, 'node_modules');
  await mkdir(packages, { recursive: true });
  for (const name of await readdir(join(PROJECT, 'node_modules'))) {
    if (!name.startsWith('.')) await symlink(join(PROJECT, 'node_modules', name), join(packages, name));
  }
  await symlink(PROJECT, join(packages, 'roomgate'));
}

/** As a new project would have it, in its strictest form. */
async function compile(folder: string, files: readonly string[], types: readonly string[]): Promise<string> {
  if (files.length === 0) return '';
  const compilerOptions = {
    ...{ strict: true, module: 'nodenext', target: 'es2022', types, outDir: 'out', rootDir: '.' },
    // Declarations as `tsc --init` has them: what a program exports has to have a name.
    ...{ noEmitOnError: true, skipLibCheck: true, declaration: true },
  };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
  const compiler = join(PROJECT, 'node_modules/typescript/bin/tsc');
  // What it has to say is on stdout, also when it fails.
  const said = await run(process.execPath, [compiler, '-p', folder]).catch((error: { stdout: string }) => error);
  return said.stdout;
}
