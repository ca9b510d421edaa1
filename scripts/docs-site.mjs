import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './run.mjs';
import { toolsInstalled } from './tools-installed.mjs';

const site = fileURLToPath(new URL('docs-site/', import.meta.url));
const [command = 'dev', ...rest] = process.argv.slice(2);

const home = await toolsInstalled('docs-site');
const vitepress = join(home, 'node_modules/vitepress/bin/vitepress.js');
const { ok } = await run(process.execPath, [vitepress, command, site, ...rest]);
if (!ok) process.exitCode ||= 1;
