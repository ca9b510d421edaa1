import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const TSC = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url));

/** What a compiler printed, and what it ended with. */
export interface CompilerRun {
  readonly stdout: string;
  readonly code: number;
}

/** Never rejects for what the compiler has to say: that is on stdout, also when it fails. */
export async function tsc(args: readonly string[], cwd: string): Promise<CompilerRun> {
  return run(process.execPath, [TSC, ...args, '--pretty', 'false'], { cwd, maxBuffer: 16_000_000 }).then(
    ({ stdout }) => ({ stdout, code: 0 }),
    ({ stdout, code }: CompilerRun) => ({ stdout, code }),
  );
}

/**
 * Compiles projects, which are named by the paths of their settings under `home`, in one run, and each as if it were alone.
 * Resolves to what the compiler said about each of their folders; folders where all is well are not in there.
 */
export async function compileProjects(home: string, settings: readonly string[]): Promise<ReadonlyMap<string, string>> {
  // With one thread it takes the least work: the other tests run meanwhile.
  const { stdout, code } = await tsc(['--build', '--singleThreaded', ...settings], home);
  const folders = [...new Set(settings.map((path) => dirname(path)))];
  const said = saidOf(stdout, folders);
  // Any other code means that it did not come to its end.
  const isDone = said !== undefined && (said.size === 0 ? code === 0 : [1, 2].includes(code));
  if (!isDone) throw new Error(`tsc ended with ${code}:\n${stdout}`);
  return said;
}

/** Undefined where the compiler said something that belongs to none of the folders. */
export function saidOf(stdout: string, folders: readonly string[]): ReadonlyMap<string, string> | undefined {
  const said = new Map<string, string>();
  let current: string | undefined;
  for (const line of stdout.split(/\r?\n/)) {
    if (line.trim() === '') continue;
    // The lines that explain an error are indented.
    if (!/^\s/.test(line)) current = folderOf(line, folders);
    if (current === undefined) return undefined;
    said.set(current, `${said.get(current) ?? ''}${line}\n`);
  }
  return said;
}

/** The innermost one, as `docs/bun/server.ts(1,2): error …` begins with it. */
function folderOf(line: string, folders: readonly string[]): string | undefined {
  return folders.filter((folder) => line.startsWith(join(folder, '/'))).sort((one, two) => two.length - one.length)[0];
}
