import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process';

const alive = new Set<ChildProcess>();

process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

/** On Linux the kernel ends the child with its parent, even if the parent was killed. */
const tether =
  spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true']).status === 0 ? ['setpriv', '--pdeathsig', 'KILL'] : [];

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Starts a program that ends with this process, however this process ends. */
export function spawnTethered(
  command: string,
  args: readonly string[],
  options: SpawnOptions,
): { child: ChildProcess; exited: Promise<Exit> } {
  const [program = command, ...rest] = [...tether, command, ...args];
  const child = spawn(program, rest, options);
  alive.add(child);
  const exited = new Promise<Exit>((resolve) => {
    const gone = (code: number | null, signal: NodeJS.Signals | null): void => {
      alive.delete(child);
      resolve({ code, signal });
    };
    // 'close' rather than 'exit': all output has been read by then.
    child.once('close', gone);
    child.once('error', () => gone(null, null));
  });
  return { child, exited };
}
