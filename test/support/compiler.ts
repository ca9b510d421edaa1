import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const TSC = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url));

/** The output and exit code of a compiler. */
export interface CompilerRun {
  readonly stdout: string;
  readonly code: number;
}

/** Resolves also if the compilation fails: the diagnostics are on stdout. */
export async function tsc(args: readonly string[], cwd: string): Promise<CompilerRun> {
  return run(process.execPath, [TSC, ...args, '--pretty', 'false'], { cwd, maxBuffer: 16_000_000 }).then(
    ({ stdout }) => ({ stdout, code: 0 }),
    ({ stdout, code }: CompilerRun) => ({ stdout, code }),
  );
}

/**
 * Compiles several projects in one run, each as if it were alone. `projects` are paths of their settings under `home`.
 * Resolves to the diagnostics of each folder; folders without errors are left out.
 */
export async function compileProjects(home: string, settings: readonly string[]): Promise<ReadonlyMap<string, string>> {
  // One thread uses the least CPU: other tests run at the same time.
  const { stdout, code } = await tsc(['--build', '--singleThreaded', ...settings], home);
  const folders = [...new Set(settings.map((path) => dirname(path)))];
  const said = saidOf(stdout, folders);
  // Any other exit code means that it did not finish.
  const isDone = said !== undefined && (said.size === 0 ? code === 0 : [1, 2].includes(code));
  if (!isDone) throw new Error(`tsc ended with ${code}:\n${stdout}`);
  return said;
}

/** Undefined if a diagnostic belongs to none of the folders. */
export function saidOf(stdout: string, folders: readonly string[]): ReadonlyMap<string, string> | undefined {
  const said = new Map<string, string>();
  let current: string | undefined;
  for (const line of stdout.split(/\r?\n/)) {
    if (line.trim() === '') continue;
    // Continuation lines of an error are indented.
    if (!/^\s/.test(line)) current = folderOf(line, folders);
    if (current === undefined) return undefined;
    said.set(current, `${said.get(current) ?? ''}${line}\n`);
  }
  return said;
}

/** The innermost folder: an error line begins with its file, as in `docs/bun/server.ts(1,2): error …`. */
function folderOf(line: string, folders: readonly string[]): string | undefined {
  return folders.filter((folder) => line.startsWith(join(folder, '/'))).sort((one, two) => two.length - one.length)[0];
}
