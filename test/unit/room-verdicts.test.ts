// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { readVerdicts, UndecidedRoom } from '../../src/rooms/room-verdicts.js';

const LATER = Date.now() + 60_000;
const ENDLESS = Number.POSITIVE_INFINITY;
const NOT_ALLOWED = { room: 'a', code: 'not_allowed', message: expect.any(String) };

const decisionOf = (entries: readonly unknown[], room = 'a') => readVerdicts(entries).decisions.get(room);

describe('readVerdicts()', () => {
  it.each([
    ['a name', ['a'], ENDLESS],
    ['an object with a room', [{ room: 'a' }], ENDLESS],
    ['an undefined until', [{ room: 'a', until: undefined }], ENDLESS],
    ['milliseconds', [{ room: 'a', until: LATER }], LATER],
    ['a Date', [{ room: 'a', until: new Date(LATER) }], LATER],
  ])('grants %s', (_, entries, decision) => {
    expect(readVerdicts(entries)).toEqual({ decisions: new Map([['a', decision]]), errors: [] });
  });

  it('refuses with the code, the message and the retry of the program', () => {
    const verdict = { room: 'a', refused: 'not_invited', message: 'Ask the team.', retry: true };
    expect(readVerdicts([verdict])).toEqual({
      decisions: new Map([['a', { room: 'a', code: 'not_invited', message: 'Ask the team.', retry: true }]]),
      errors: [],
    });
    const plain = decisionOf([{ room: 'a', refused: 'not_invited', retry: false }]);
    expect(plain).toEqual({ room: 'a', code: 'not_invited', message: expect.any(String) });
  });

  it.each([
    ['a number', [1], 'an array of 1', '[0]: expected a room name or a verdict, received 1'],
    ['a hole', Array(1), 'an array of undefined', '[0]: expected a room name or a verdict, received undefined'],
    ['no room', [{ until: LATER }], 'an array of an object', '[0]: "room": expected a string, received undefined'],
  ])('grants nothing for %s, and says so', (_, entries, received, problem) => {
    expect(readVerdicts(entries)).toEqual({ decisions: new Map(), errors: [], received, problem });
  });

  it.each([
    ['an until in seconds', { until: Math.floor(LATER / 1_000) }, /"until".*looks like seconds/],
    ['an until that has passed', { until: Date.now() - 1 }, /"until".*received one that has passed/],
    ['an until that is no number', { until: 'soon' }, /"until".*received a string/],
    ['an until of null', { until: null }, /"until".*received null/],
    ['an endless until', { until: ENDLESS }, /"until".*received Infinity/],
    ['a misspelled until', { untill: LATER }, /"untill" does not exist; did you mean "until"/],
    ['until together with refused', { until: LATER, refused: 'x' }, /"until" does not exist/],
    ['refused without a code', { refused: undefined }, /"refused": expected a non-empty string/],
    ['a code of the library', { refused: 'guard_failed' }, /"refused": "guard_failed" is a code of the library/],
    ['a message that is no text', { refused: 'x', message: 1 }, /"message": expected a string/],
    ['a retry that is no boolean', { refused: 'x', retry: 1 }, /"retry": expected true or false/],
  ])('refuses the room of an entry with %s', (_, more, problem) => {
    const read = readVerdicts(['b', { room: 'a', ...more }]);
    expect(read.decisions.get('a')).toEqual(NOT_ALLOWED);
    expect(read.decisions.get('b')).toBe(ENDLESS);
    expect(read.problem).toMatch(problem);
    expect(read.problem).toMatch(/^\[1\]: /);
  });

  it.each([
    ['refusals', ['a', { room: 'a', refused: 'x' }], { code: 'x' }],
    ['refusals before grants', [{ room: 'a', refused: 'x' }, 'a'], { code: 'x' }],
    ['invalid entries', ['a', { room: 'a', until: 'x' }, 'a'], { code: 'not_allowed' }],
  ])('prefers %s of the same room', (_, entries, decision) => {
    expect(decisionOf(entries)).toMatchObject(decision);
  });

  it('prefers the earliest end of the same room', () => {
    expect(decisionOf(['a', { room: 'a', until: LATER }, { room: 'a', until: LATER + 1 }])).toBe(LATER);
  });

  it('reports only the first invalid entry', () => {
    expect(readVerdicts([true, 1]).problem).toContain('received true');
  });

  it('refuses rooms without a decision as guard_failed, and never grants a copy of them', () => {
    const error = new Error('down');
    const undecided = new UndecidedRoom('a', error);
    expect(readVerdicts([undecided])).toMatchObject({ errors: [error] });
    expect(decisionOf([undecided])).toMatchObject({ code: 'guard_failed' });
    expect(decisionOf([{ ...undecided }])).toEqual(NOT_ALLOWED);
  });
});
