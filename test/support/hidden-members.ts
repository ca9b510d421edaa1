import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PROJECT } from './document.js';

/** A member of a class or an interface in a file of types: its comment, its modifiers and its name. */
const MEMBER =
  /(\/\*\*(?:(?!\*\/)[\s\S])*\*\/)?\s*^(?: {2}| {4})((?:(?:private|protected|readonly|static|abstract|get|set|async)\s+)*)(\w+)\??(?=[<(:;])/gm;
/** Marks a member as private, apart from a leading underscore. */
const HIDDEN = { modifier: /private|protected/, comment: /@(?:private|protected|package|internal|ignore)\b/ };

/** The names of private members of packages, with the package. */
export async function hiddenMembers(packages: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const hidden = new Map<string, string>();
  for (const name of packages) {
    for (const text of await declarationsOf(name)) {
      for (const [, comment = '', modifiers = '', member = ''] of text.matchAll(MEMBER)) {
        const isHidden = HIDDEN.modifier.test(modifiers) || HIDDEN.comment.test(comment) || member.startsWith('_');
        if (isHidden) hidden.set(member, name);
      }
      for (const [, member = ''] of text.matchAll(/this\.(_\w+)/g)) hidden.set(member, name);
    }
  }
  return hidden;
}

/** A package's files of types. `ws` has none; its source has comments instead. */
async function declarationsOf(name: string): Promise<string[]> {
  const folder = join(PROJECT, 'node_modules', name);
  const ending = name === 'ws' ? '.js' : '.d.ts';
  const names = await readdir(folder, { recursive: true });
  const files = names.filter((file) => file.endsWith(ending) && !file.includes('node_modules'));
  return Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
}

/** Names of members that a TypeScript file reads: after a dot, in destructuring patterns, and in quotes. */
export function namesIn(text: string): ReadonlySet<string> {
  const code = text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/(^|\s)\/\/.*$/gm, '')
    .replace(/^(?:import|export) [^;]*? from '[^']*';$/gm, '');
  const names = new Set<string>();
  for (const [, name = ''] of code.matchAll(/(?<!\bthis\??)\.(\w+)/g)) names.add(name);
  for (const [, name = ''] of code.matchAll(/'(\w+)'/g)) names.add(name);
  for (const [, inner = ''] of code.matchAll(/\{([^{};]*)\}\s*(?:=[^>=]|: )/g)) {
    for (const [, name = ''] of inner.matchAll(/(?:^|,)\s*(\w+)/g)) names.add(name);
  }
  return names;
}
