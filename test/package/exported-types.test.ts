// npm test: node
import { readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectFolder } from './imports.js';

const DECLARED = /^(?:export )?(?:declare )?(?:abstract )?(class|interface|type|const|function) (\w+)/;
/** `Report` is a union of types that `ReportOf` names by their codes. */
const BY_CODE = ['Report', 'ReportOf', 'EmitterReport'];
/** It only names types of socket.io-client, which programs import from there. */
const OF_SOCKET_IO = 'cjs/client/socket-io-types.d.ts';

interface Declaration {
  readonly isType: boolean;
  readonly file: string;
  readonly text: string;
}

/** The declarations that were built for an entry, by name, and the names that it exports. */
async function declarationsOf(entry: string): Promise<{ all: Map<string, Declaration>; exported: Set<string> }> {
  const all = new Map<string, Declaration>();
  const exported = new Set<string>();
  const files = new Set([entry]);
  const entries = new Set([entry]);
  // Iterating over a set includes entries added meanwhile.
  for (const file of files) {
    const text = await readFile(join(projectFolder, 'dist', file), 'utf8');
    const plain = text.replace(/\/\*.*?\*\//gs, '').replace(/^\s*\/\/.*$/gm, '');
    for (const [statement, target = ''] of plain.matchAll(/^(?:import|export)[^;]*from '(\.[^']*)\.js';$/gm)) {
      const path = `${posix.join(posix.dirname(file), target)}.d.ts`;
      files.add(path);
      if (entries.has(file) && statement.startsWith('export *')) entries.add(path);
    }
    if (entries.has(file))
      for (const [, list = ''] of plain.matchAll(/^export (?:type )?\{([^}]*)\}/gm)) {
        for (const name of list.match(/\w+(?=\s*(?:,|$))/g) ?? []) exported.add(name);
      }
    for (const block of plain.split(/^(?=(?:export |declare |type |interface |class ))/m)) {
      const [, kind = '', name] = DECLARED.exec(block) ?? [];
      const isType = !['const', 'function'].includes(kind);
      if (name !== undefined) all.set(name, { isType, file, text: block });
    }
  }
  return { all, exported };
}

describe.each(['index.d.ts', 'client/index.d.ts'])('the declarations of %s', (entry) => {
  it('use no type of ours that is not exported', async () => {
    const { all, exported } = await declarationsOf(entry);
    expect(exported.size).toBeGreaterThan(30);
    const hidden: string[] = [];
    for (const name of exported) {
      if (BY_CODE.includes(name)) continue;
      for (const used of new Set(all.get(name)?.text.match(/\b[A-Z]\w+\b/g) ?? [])) {
        const { isType, file } = all.get(used) ?? {};
        if (isType && file !== OF_SOCKET_IO && !exported.has(used)) hidden.push(`${name}: ${used} of ${file}`);
      }
    }
    expect(hidden).toEqual([]);
  });
});
