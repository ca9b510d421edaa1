import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from './run.mjs';

/** System packages for the tests, by the programs that show whether they are installed. */
const NEEDS = [
  { package: 'redis-server', there: () => found('redis-server') && found('redis-cli') },
  { package: 'openssl', there: () => found('openssl') },
  { package: 'nginx', there: () => found('nginx') },
  { package: 'haproxy', there: () => found('haproxy') },
  {
    package: 'chromium',
    there: () =>
      executable(process.env.CHROMIUM_PATH ?? '') || ['chromium', 'chromium-browser', 'google-chrome'].some(found),
  },
];

/** Debian installs servers in folders that only root's PATH contains. */
const SERVER_FOLDERS = ['/usr/sbin', '/usr/local/sbin'];

/** How long to wait for another run of the package manager. */
const LOCK_SECONDS = 600;

/**
 * Keeps Debian from starting a Redis server after installing it: the tests start their own, each on its own port. The
 * policy is removed in any case after the installation. An existing policy of the machine is not changed.
 */
const INSTALL = `
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 130' INT TERM HUP
  printf '#!/bin/sh\\nexit 101\\n' > "$policy" && chmod 755 "$policy"
fi
apt-get "$@"
`;

/**
 * Installs missing packages if that is allowed.
 *
 * @param {readonly string[]} [wanted] the needed packages; without it all of them
 * @returns {Promise<boolean>} whether everything is installed now; if not, it has printed the command that installs it
 */
export async function provideSystemPackages(wanted) {
  const needs = NEEDS.filter((need) => wanted?.includes(need.package) ?? true);
  const missing = needs.filter((need) => !need.there()).map((need) => need.package);
  if (missing.length === 0) return true;
  console.log(`Missing on this machine: ${missing.join(', ')}`);
  if (process.getuid?.() === 0 && found('apt-get') && (await installWithApt(missing))) {
    if (needs.every((need) => need.there())) return true;
  }
  console.error(`The tests need ${missing.join(' and ')}. This installs it:\n\n  ${lineThatInstalls(missing)}\n`);
  return false;
}

async function installWithApt(missing) {
  const lock = `DPkg::Lock::Timeout=${LOCK_SECONDS}`;
  const update = ['-o', lock, 'update'];
  const install = ['-o', lock, 'install', '-y', '--no-install-recommends', ...missing];
  return (await patiently(update)) && (await patiently(install));
}

/** `update` does not wait for the lock of the package lists, so it is repeated while another process holds the lock. */
async function patiently(args) {
  const end = Date.now() + LOCK_SECONDS * 1_000;
  for (;;) {
    console.log(`> apt-get ${args.join(' ')}`);
    const { ok, output } = await run('sh', ['-c', INSTALL, 'sh', ...args], {
      env: { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
      quiet: true,
    });
    if (ok) return true;
    if (!/could not get lock|unable to (acquire|lock)/i.test(output) || Date.now() > end) {
      console.error(output.split('\n').slice(-20).join('\n'));
      return false;
    }
    await sleep(2_000);
  }
}

function lineThatInstalls(missing) {
  const sudo = process.getuid?.() === 0 ? '' : 'sudo ';
  const names = missing.join(' ');
  if (found('brew')) return `brew install ${names.replace('redis-server', 'redis')}`;
  if (found('apk')) return `${sudo}apk add ${names.replace('redis-server', 'redis')}`;
  if (found('dnf')) return `${sudo}dnf install -y ${names.replace('redis-server', 'redis')}`;
  return `${sudo}sh -c 'apt-get update && apt-get install -y --no-install-recommends ${names}'`;
}

function found(program) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...SERVER_FOLDERS];
  return folders.some((folder) => executable(join(folder, program)));
}

function executable(path) {
  if (path === '') return false;
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
