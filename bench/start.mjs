// The script of `npm run bench`: installs the other packages to measure, builds Roomgate, then measures.
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { run } from '../scripts/run.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const changed = (file) => (existsSync(`${here}${file}`) ? statSync(`${here}${file}`).mtimeMs : 0);

async function must(command, args, options) {
  const { ok } = await run(command, args, options);
  if (!ok) process.exit(1);
}

if (changed('node_modules/.package-lock.json') < changed('package-lock.json')) {
  await must('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: here });
}
await must(process.execPath, ['scripts/build.mjs']);
await must(process.execPath, [`${here}run.mjs`, ...process.argv.slice(2)]);
