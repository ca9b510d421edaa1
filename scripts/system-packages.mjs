import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from './run.mjs';

/** What the tests need besides npm's packages, by the programs that prove it. */
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

/** Where Debian keeps servers, and only root's PATH leads. */
const SERVER_FOLDERS = ['/usr/sbin', '/usr/local/sbin'];

/** How long another run of the package manager is waited for. */
const LOCK_SECONDS = 600;

/**
 * Keeps Debian from starting a Redis server of its own after installing it: the tests start theirs, each on its own port.
 * Taken away again however the installation ends, and not touched where the machine has a policy already.
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
 * Installs what is missing where that is allowed.
 *
 * @param {readonly string[]} [wanted] the packages that are needed; without it all of them
 * @returns {Promise<boolean>} whether everything is there now; if not, the line that installs it has been printed
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

/** `update` does not wait for the lock of the package lists by itself, so it is tried again while somebody holds it. */
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
