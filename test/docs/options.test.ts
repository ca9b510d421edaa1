// npm test: node
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../src/protocol/limits.js';
import { PROJECT } from '../support/document.js';

interface Option {
  readonly name: string;
  readonly isRequired: boolean;
}

interface Row extends Option {
  /** The column "default", without further text. */
  readonly standard: string;
  readonly unit: string;
}

/** Each section of the page, with the types whose members are its rows. */
const SECTIONS: Readonly<Record<string, readonly string[]>> = {
  SocketIOServerHelper: ['ISocketIOServerBaseOptions', 'ISocketIOServerNodeOptions', 'ISocketIOServerBunOptions'],
  limits: ['ILimits'],
  SocketIOComponent: ['ISocketIOComponentOptions'],
  cors: ['ISocketIOCorsOptions'],
  SocketIOClientHelper: ['ISocketIOClientOptions'],
  queue: ['IQueueOptions'],
  'Options of socket.io-client': ['IOptions'],
  SocketIOEmitterHelper: ['ISocketIOEmitterOptions'],
  RedisHelper: ['IRedisHelperOptions', 'IRedisHelperCallbacks'],
  RedisClusterHelper: ['IRedisClusterHelperOptions', 'IRedisHelperCallbacks'],
};
/**
 * Options with defaults that depend on the runtime, or that consist of other defaults: the page describes them in
 * words.
 */
const OWN_WORDS = new Set(['server', 'engine', ...Object.keys(DEFAULT_LIMITS)]);

let sources: string;
let page: string;

beforeAll(async () => {
  const names = (await readdir(join(PROJECT, 'src'), { recursive: true })).filter((name) => name.endsWith('.ts'));
  const texts = await Promise.all(names.map((name) => readFile(join(PROJECT, 'src', name), 'utf8')));
  sources = texts.join('\n');
  page = await readFile(join(PROJECT, 'docs/options.md'), 'utf8');
});

/** The members that an exported interface declares itself. */
function membersOf(type: string): readonly Option[] {
  const [, body] = new RegExp(`^export interface ${type}\\b.*?\\{\\n(.*?)^\\}`, 'ms').exec(sources) ?? [];
  if (body === undefined) throw new Error(`src declares no interface ${type}`);
  const members = body.matchAll(/^ {2}(?:readonly )?(\w+)(\??):/gm);
  return [...members].map(([, name = '', optional]) => ({ name, isRequired: optional === '' }));
}

function declaredIn(types: readonly string[]): ReadonlyMap<string, Option> {
  const members = types.flatMap(membersOf).filter(({ name }) => name !== 'runtime');
  return new Map(members.map((option) => [option.name, option]));
}

/** The rows of the table below a heading. A row with several names occurs once for each. */
function rowsOf(section: string): readonly Row[] {
  const [, text = ''] = new RegExp(`^#{2,3} ${section}$(.*?)(?=^#|(?![^]))`, 'ms').exec(page) ?? [];
  const rows = [...text.replaceAll('\\|', '').matchAll(/^\| (`\w+`(?:, `\w+`)*) \|(.*)\|$/gm)];
  return rows.flatMap(([, names = '', rest = '']) => {
    const [, standard = '', unit = ''] = rest.split('|').map((cell) => cell.trim());
    return [...names.matchAll(/\w+/g)].map(([name]) => ({
      ...{ name, standard, unit },
      isRequired: standard.startsWith('required'),
    }));
  });
}

describe('docs/options.md', () => {
  it.each(Object.entries(SECTIONS))('lists every option of %s, and no other', (section, types) => {
    const listed = rowsOf(section).map(({ name }) => name);
    expect(listed.filter((name) => name !== 'runtime').sort()).toEqual([...declaredIn(types).keys()].sort());
  });

  it.each(Object.entries(SECTIONS))('states which options of %s are required', (section, types) => {
    const declared = declaredIn(types);
    for (const { name, isRequired } of rowsOf(section)) {
      if (OWN_WORDS.has(name)) continue;
      expect([name, isRequired]).toEqual([name, declared.get(name)?.isRequired ?? true]);
    }
  });

  it('has the default of each limit', () => {
    const listed = rowsOf('limits').map(({ name, standard }) => [name, standard]);
    const limits = Object.entries(DEFAULT_LIMITS).map(([name, value]) => [name, shown(value)]);
    expect(listed).toEqual(limits);
  });

  it('has a meaning, a reason and an answer for each limit', () => {
    const [, text = ''] = /^### limits$(.*?)^#/ms.exec(page) ?? [];
    const rows = [...text.matchAll(/^\| `(\w+)` \|(.*)\|$/gm)];
    expect(rows.map(([, name]) => name)).toEqual(Object.keys(DEFAULT_LIMITS));
    for (const [, name, rest = ''] of rows) {
      const cells = rest.split(' | ').map((cell) => cell.trim());
      expect([name, cells.length, cells.includes('')]).toEqual([name, 6, false]);
    }
  });

  it('has the default that the description in the sources names, and milliseconds as the unit of each time', () => {
    for (const [section, types] of Object.entries(SECTIONS)) {
      const described = types.map((type) => new RegExp(`^export interface ${type}\\b.*?^\\}`, 'ms').exec(sources)?.[0]);
      const members = described.join('\n').matchAll(/\/\*\*((?:(?!\*\/).)*)\*\/\s+(?:readonly )?(\w+)\??: number/gs);
      const rows = new Map(rowsOf(section).map((row) => [row.name, row]));
      for (const [, comment = '', name = ''] of members) {
        const [, value] = /Default:? ([\d ]*\d)/.exec(comment) ?? [];
        if (value !== undefined)
          expect([name, rows.get(name)?.standard]).toEqual([name, expect.stringContaining(value)]);
        if (/\bmilliseconds\b|\bms\b/i.test(comment)) expect([name, rows.get(name)?.unit]).toEqual([name, 'ms']);
      }
    }
  });
});

function shown(value: number): string {
  return Number.isFinite(value) ? value.toLocaleString('en').replaceAll(',', ' ') : 'no limit';
}
