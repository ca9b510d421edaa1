// Writes the tables of codes of docs/errors.md and docs/protocol.md. Run `npm run build` first.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { tablesOf, withTables } from './errors/tables.mjs';
import { root } from './run.mjs';

const { default: errors } = await import(pathToFileURL(join(root, 'dist/cjs/protocol/errors.js')).href);
for (const [page, tables] of Object.entries(tablesOf(errors))) {
  const path = join(root, page);
  await writeFile(path, withTables(await readFile(path, 'utf8'), tables));
}
