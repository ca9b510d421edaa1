import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { bunPath } from './bun.js';
import { defer } from './cleanup.js';
import { compileProjects } from './compiler.js';
import { temporaryFolder } from './folder.js';
import { hashOf, madeOnce } from './made-once.js';
import { packed } from './packed.js';
import { type Program, startProgram } from './process.js';

const run = promisify(execFile);
/** Compiler options for projects that installed Bun's types. */
const BUN = /\bBun\.|@socket\.io\/bun-engine/;
/** Compiler options that some frameworks require. */
const NEST = /from '@nestjs\//;
/** In the project of all documents: the diagnostics of each document. */
const COMPILED = 'compiled.json';
const SETTINGS = 'tsconfig.json';

/** The project's folder. */
export const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

/** A code block in a document. */
export interface CodeBlock {
  /** The language after the opening fence: `ts`, `sh`, `nginx` … */
  readonly language: string;
  /** The file name in the comment on the first line, such as `// server.ts`; undefined without one. */
  readonly name: string | undefined;
  readonly code: string;
}

/** The result of pasting every named block of a document into an empty project. */
export interface PastedProject {
  readonly folder: string;
  /** The file names, in the order of the document. */
  readonly files: readonly string[];
  /** The compiler's diagnostics; empty if there are none. */
  readonly compiled: string;
  /**
   * Starts one of the programs by its file name in the document. `replace` replaces a port or an address of the
   * document for this run: `{ 3000: 41234 }`.
   */
  start(name: string, opts?: StartOptions): Promise<Program>;
}

export interface StartOptions {
  readonly replace?: Readonly<Record<string, string | number>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Bun runs the program as written, Node.js runs the compiled output. Default `node`. */
  readonly runtime?: 'node' | 'bun';
}

/** Every handwritten document, by its path from the project's folder. The generated API reference is left out. */
export async function papers(): Promise<readonly string[]> {
  const docs = await readdir(join(PROJECT, 'docs'), { recursive: true });
  const written = docs.filter((name) => name.endsWith('.md') && !name.startsWith('api/')).map((name) => `docs/${name}`);
  const atTheRoot = ['README', 'ARCHITECTURE', 'CHANGELOG', 'CONTRIBUTING', 'RELEASING', 'SECURITY'];
  return [...atTheRoot.map((name) => `${name}.md`), ...written.sort()];
}

/** The blocks of a document, given by its path from the project's folder: `docs/protocol.md`. */
export async function codeBlocksOf(document: string): Promise<readonly CodeBlock[]> {
  const markdown = await readFile(join(PROJECT, document), 'utf8');
  const found = markdown.matchAll(/^(`{3,})(\w*)[^\n]*\n(.*?)^\1$/gms);
  return [...found].map(([, , language = '', code = '']) => ({ language, name: nameOf(code), code }));
}

type NamedBlock = CodeBlock & { readonly name: string };

async function namedBlocksOf(document: string): Promise<readonly NamedBlock[]> {
  return (await codeBlocksOf(document)).filter((block): block is NamedBlock => block.name !== undefined);
}

function nameOf(code: string): string | undefined {
  const [, name] = /^(?:\/\/|#|<!--|\/\*) ([\w./-]+\.\w+)(?: -->| \*\/)?$/m.exec(code.split('\n', 1)[0] ?? '') ?? [];
  return name;
}

/**
 * Pastes every named block into an empty project, with the packed package and the packages of this project, and
 * compiles it. The folder belongs to the caller; it is removed with the test, or with the file if called outside of a
 * test.
 */
export async function pasteProject(document: string): Promise<PastedProject> {
  const all = await documentsHome();
  const compiled = await compilerOutputOf(document);
  const files = (await namedBlocksOf(document)).map(({ name }) => name);
  const folder = await temporaryFolder('document');
  defer(() => rm(folder, { recursive: true, force: true }));
  await cp(join(all, folderOf(document)), folder, { recursive: true });
  await symlink(await packedModules(), join(folder, 'node_modules'));
  let started = 0;
  const start = async (name: string, opts: StartOptions = {}): Promise<Program> => {
    const { replace = {}, env = {}, runtime = 'node' } = opts;
    const original = runtime === 'bun' ? join(folder, name) : join(folder, 'out', name.replace(/\.ts$/, '.js'));
    let code = await readFile(original, 'utf8');
    for (const [from, to] of Object.entries(replace)) code = code.replaceAll(from, `${to}`);
    // Beside the original, so that its imports resolve, but under another name.
    started += 1;
    const file = original.replace(/\.(?=[jt]s$)/, `.run-${started}.`);
    await writeFile(file, code);
    return startProgram(file, { cwd: folder, env, node: runtime === 'bun' ? bunPath() : process.execPath });
  };
  return { folder, files, compiled, start };
}

/** The diagnostics of a document's programs; empty if there are none. */
export async function compilerOutputOf(document: string): Promise<string> {
  const all = JSON.parse(await readFile(join(await documentsHome(), COMPILED), 'utf8')) as Record<string, string>;
  const said = all[document];
  if (said === undefined) throw new Error(`there is no document ${document}`);
  return said;
}

/** A `node_modules` with the packed package and the packages of this project; tests link to it. */
export async function packedModules(): Promise<string> {
  return join(await documentsHome(), 'node_modules');
}

let asked: Promise<string> | undefined;

/**
 * One project for all documents, each in its own folder, compiled in one run. All tests share the result until a
 * document, the package or an installed package changes.
 */
function documentsHome(): Promise<string> {
  asked ??= makeHome();
  return asked;
}

async function makeHome(): Promise<string> {
  const documents = await papers();
  const others = ['node_modules/.package-lock.json', 'test/support/document.ts', 'test/support/compiler.ts'];
  const hash = await hashOf(PROJECT, [...documents, ...others], [(await packed()).hash]);
  const home = join(PROJECT, '.cache', `documents-${hash}`);
  await madeOnce(home, (fresh) => pasteAll(fresh, documents));
  return home;
}

async function pasteAll(home: string, documents: readonly string[]): Promise<void> {
  await installPackages(join(home, 'node_modules'));
  const settings: string[] = [];
  for (const document of documents) {
    const blocks = await namedBlocksOf(document);
    const written = await paste(join(home, folderOf(document)), blocks);
    settings.push(...written.map((name) => join(folderOf(document), name)));
  }
  const said = await compileProjects(home, settings);
  const compiled = documents.map((document) => [document, said.get(folderOf(document)) ?? ''] as const);
  await writeFile(join(home, COMPILED), JSON.stringify(Object.fromEntries(compiled)));
}

async function installPackages(modules: string): Promise<void> {
  const own = join(modules, 'roomgate');
  await mkdir(own, { recursive: true });
  await run('tar', ['-xzf', (await packed()).tarball, '--strip-components=1', '-C', own]);
  for (const name of await readdir(join(PROJECT, 'node_modules'))) {
    if (!name.startsWith('.')) await symlink(join(PROJECT, 'node_modules', name), join(modules, name));
  }
}

/**
 * Writes the blocks and the settings of the compiler: the strictest that a new project would have, and the document's
 * own if it has some. Resolves to the names of the files of settings.
 */
async function paste(folder: string, blocks: readonly NamedBlock[]): Promise<readonly string[]> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  for (const { name, code } of blocks) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), code);
  }
  const files = blocks.map(({ name }) => name).filter((name) => /\.tsx?$/.test(name));
  if (files.length === 0) return [];
  const types = blocks.some(({ code }) => BUN.test(code)) ? ['node', 'bun'] : ['node'];
  const usesDecorators = blocks.some(({ code }) => NEST.test(code));
  const compilerOptions = {
    ...{ strict: true, module: 'nodenext', target: 'es2022', types, outDir: 'out', rootDir: '.' },
    // `tsc --init` sets `declaration`: the types of exports must be nameable.
    ...{ noEmitOnError: true, skipLibCheck: true, declaration: true },
    ...(usesDecorators && { experimentalDecorators: true, emitDecoratorMetadata: true }),
    ...(files.some((name) => name.endsWith('.tsx')) && { jsx: 'react-jsx' }),
  };
  const own = blocks.map(({ name }) => name).filter((name) => name === SETTINGS);
  const ours = own.length === 0 ? SETTINGS : `strict.${SETTINGS}`;
  await writeFile(join(folder, ours), JSON.stringify({ compilerOptions, files }));
  return [...own, ours];
}

function folderOf(document: string): string {
  return document.replace(/\.md$/, '');
}
