// npm test: node
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type } from 'arktype';
import * as v from 'valibot';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { validate } from '../../../src/handlers/schemas.js';
import { ANSWER_ERRORS } from '../../../src/protocol/errors.js';
import type { Schema } from '../../../src/protocol/schema.js';
import { type PastedProject, PROJECT, pasteProject } from '../../support/document.js';
import { unusedPort } from '../../support/facts.js';

const SLOW = { timeout: 15_000 };
const DOCUMENT = 'docs/recipes/validation.md';

let project: PastedProject;
let text: string;

beforeAll(async () => {
  project = await pasteProject(DOCUMENT);
  text = await readFile(join(PROJECT, DOCUMENT), 'utf8');
});

/** The cells of the rows of the table that follows a heading. */
function tableBelow(heading: string): readonly (readonly string[])[] {
  const [, below = ''] = text.split(`\n## ${heading}\n`);
  const [table = ''] = /(?:^\|.*\n)+/m.exec(below) ?? [];
  const lines = table.trimEnd().split('\n').slice(2);
  return lines.map((line) => line.slice(2, -2).split(' | '));
}

const ISSUES = {
  zod: ['text: too_small', 'at: invalid_format'],
  valibot: ['text: min_length', 'at: iso_timestamp'],
  arktype: ['at: pattern', 'text: minLength'],
} as const;
const ISO = '2030-01-01T10:00:00.000Z';

describe(DOCUMENT, () => {
  it.each(Object.entries(ISSUES))('prints the documented output with %s', async (library, issues) => {
    const port = await unusedPort();
    const replace = { 'schemas-zod': `schemas-${library}` };
    const server = await project.start('server.ts', { env: { PORT: `${port}` }, replace });
    await server.messages.next((line) => line === `listening on ${port}`, SLOW);
    const client = await project.start('client.ts', { env: { SERVER: `http://127.0.0.1:${port}` } });
    expect(await client.ended(15_000)).toEqual({ code: 0, signal: null });
    const shown = [
      `reminder: {"text":"Tea","at":"${ISO}"}`,
      'answer: {"id":1}',
      `invalid: ${ANSWER_ERRORS.invalid.text}`,
      ...issues.map((issue) => `  ${issue}`),
    ];
    expect(client.messages.all).toEqual(shown);
    if (library === 'zod') expect(text).toContain(shown.join('\n'));
    server.kill('SIGTERM');
    expect(await server.ended(10_000)).toEqual({ code: 0, signal: null });
    expect([server.stderr, client.stderr]).toEqual(['', '']);
  });

  it('has a function that throws for invalid data, and names no value', async () => {
    const { checked } = await import(pathToFileURL(join(project.folder, 'out/checked.js')).href);
    expect(checked(z.object({ id: z.number() }), { id: 1, more: 2 })).toEqual({ id: 1 });
    for (const schema of [z.number(), v.number(), type('number')]) {
      expect(() => checked(schema, 'secret')).toThrow(/^checked\(\): 1 places are invalid\.$/);
    }
    expect(() => checked(v.pipeAsync(v.string()), 'x')).toThrow('asynchronous');
  });

  it('has schemas that are asynchronous', async () => {
    const { zodName, valibotName } = await import(pathToFileURL(join(project.folder, 'out/names.js')).href);
    for (const [schema, code] of [
      [zodName, 'custom'],
      [valibotName, 'check'],
    ]) {
      expect(await validate(schema, 'bob')).toEqual({ value: 'bob' });
      expect(await validate(schema, 'ada')).toEqual({ issues: [{ path: '', code }] });
    }
  });

  it('lists the codes of the installed libraries', async () => {
    type Case = readonly [data: unknown, zod: Schema, valibot: Schema, arktype: Schema];
    const text3 = [z.string().min(3), v.pipe(v.string(), v.minLength(3)), type('string >= 3')] as const;
    const cases: Record<string, Case> = {
      'not an object': ['x', z.object({}), v.object({}), type({})],
      'a key is missing': [{}, z.object({ a: z.string() }), v.object({ a: v.string() }), type({ a: 'string' })],
      'not a string': [5, z.string(), v.string(), type('string')],
      'a string is too short': ['xx', ...text3],
      'a string is too long': ['xxxx', z.string().max(3), v.pipe(v.string(), v.maxLength(3)), type('string <= 3')],
      'not an e-mail address': ['x', z.email(), v.pipe(v.string(), v.email()), type('string.email')],
      'a number is too small': [1, z.number().min(3), v.pipe(v.number(), v.minValue(3)), type('number >= 3')],
      'not a whole number': [1.5, z.number().int(), v.pipe(v.number(), v.integer()), type('number.integer')],
      'none of the allowed values': ['x', z.enum(['a', 'b']), v.picklist(['a', 'b']), type("'a' | 'b'")],
      'a check of your own': [
        'x',
        z.string().refine(() => false),
        v.pipe(
          v.string(),
          v.check(() => false),
        ),
        type('string').narrow(() => false),
      ],
      'an unknown key, where the schema refuses them': [
        { a: 1 },
        z.strictObject({}),
        v.strictObject({}),
        type({ '+': 'reject' }),
      ],
    };
    const rows = tableBelow('The codes of each library');
    expect(rows.map(([what]) => what)).toEqual(Object.keys(cases));
    for (const [what = '', ...codes] of rows) {
      const [data, ...schemas] = cases[what] ?? [];
      const found = await Promise.all(schemas.map(async (schema) => validate(schema, data)));
      const seen = found.map((it) => ('issues' in it ? `\`${it.issues[0]?.code}\`` : 'valid'));
      expect([what, ...seen]).toEqual([what, ...codes]);
    }
  });

  it('names the installed versions', async () => {
    const [versions = []] = tableBelow('Which library');
    for (const [index, library] of ['zod', 'valibot', 'arktype'].entries()) {
      const { version } = JSON.parse(await readFile(join(PROJECT, 'node_modules', library, 'package.json'), 'utf8'));
      expect(versions[index + 1]).toContain(`${version}, `);
    }
  });
});
