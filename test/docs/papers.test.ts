// npm test: node
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ANSWER_ERRORS, ROOM_ERRORS, UNAUTHENTICATED_ERRORS } from '../../src/protocol/errors.js';
import { codeBlocksOf, compilerOutputOf, PROJECT, papers } from '../support/document.js';

const CLIENT_ANSWERS = ['unauthenticated', 'offline', 'timeout'];
/** Languages of programs, which a reader pastes into files. */
const PROGRAMS = ['ts', 'tsx', 'js', 'mjs', 'typescript', 'javascript', 'python', 'py'];
/** Longer lines make a change of one word hard to review. */
const LONGEST_LINE = 200;

// The first call can exceed the timeout of a test.
beforeAll(async () => {
  await compilerOutputOf('README.md');
});

describe.each(await papers())('%s', (paper) => {
  it('has no long line outside tables and code', async () => {
    const text = await readFile(join(PROJECT, paper), 'utf8');
    const lines = text.replace(/^ *```.*?^ *```$/gms, '').split('\n');
    expect(lines.filter((line) => line.length > LONGEST_LINE && !line.trimStart().startsWith('|'))).toEqual([]);
  });

  it('names a file for each program, and the programs compile', async () => {
    const blocks = await codeBlocksOf(paper);
    const nameless = blocks.filter(({ language, name }) => PROGRAMS.includes(language) && name === undefined);
    expect(nameless.map(({ code }) => code)).toEqual([]);
    expect(await compilerOutputOf(paper)).toBe('');
  });
});

describe('docs/protocol.md', () => {
  it('lists every code, and whether it is retryable', async () => {
    const text = await readFile(join(PROJECT, 'docs/protocol.md'), 'utf8');
    const heads = /^## (?:Authentication|Rooms|Answers to events|Keep-alive)$/m;
    const [, authentication = '', rooms = '', answers = ''] = text.split(heads);
    const rowsOf = (section: string) =>
      [...section.matchAll(/^\| `(\w+)` \| (\w+) /gm)].map(([, code, next]) => `${code} ${next}`);
    const travelling = Object.entries(ROOM_ERRORS).filter(([code]) => !CLIENT_ANSWERS.includes(code));
    expect(rowsOf(rooms).sort()).toEqual(
      travelling.map(([code, { retryable }]) => `${code} ${retryable ? 'yes' : 'no'}`).sort(),
    );
    expect(rowsOf(answers)).toEqual(
      expect.arrayContaining(
        Object.entries(ANSWER_ERRORS).map(([code, { retryable }]) => `${code} ${retryable ? 'yes' : 'no'}`),
      ),
    );
    const codes = rowsOf(authentication).map((row) => row.split(' ')[0]);
    expect(codes).toEqual(Object.keys(UNAUTHENTICATED_ERRORS));
  });
});
