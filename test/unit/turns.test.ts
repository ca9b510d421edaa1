// npm test: node
// npm run test:matrix: newest-node
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { DONE, type SlicedWork, Turns } from '../../src/common/turns.js';

/** Work of some slices, each of which notes its name. */
function workOf(name: string, slices: number, notes: string[], act: () => void = () => {}): SlicedWork {
  let left = slices;
  return {
    slice() {
      notes.push(name);
      act();
      left -= 1;
      return left === 0 ? DONE : 0;
    },
  };
}

async function finished(turns: Turns, ...work: SlicedWork[]): Promise<void> {
  while (work.some((one) => turns.has(one))) await nextTurn();
}

describe('turns', () => {
  it('give each piece of work one slice at a time', async () => {
    const turns = new Turns();
    const notes: string[] = [];
    const [a, b, c] = [workOf('a', 4, notes), workOf('b', 2, notes), workOf('c', 3, notes)];
    for (const work of [a, b, c]) turns.add(work);
    expect(notes).toEqual([]);
    await finished(turns, a, b, c);
    expect(notes.join('')).toBe('abcabcaca');
  });

  it('let everything run that a slice has caused before the next one', async () => {
    const turns = new Turns();
    const notes: string[] = [];
    const cause = (): void => {
      process.nextTick(() => {
        notes.push('tick');
        void Promise.resolve().then(() => notes.push('promise'));
      });
    };
    const work = workOf('slice', 2, notes, cause);
    turns.add(work);
    await finished(turns, work);
    expect(notes).toEqual(['slice', 'tick', 'promise', 'slice', 'tick', 'promise']);
  });

  it('return to the event loop when their time is over', async () => {
    const notes: string[] = [];
    const turns = new Turns(0);
    const work = workOf('slice', 3, notes);
    turns.add(work);
    const loop = async (): Promise<void> => {
      while (turns.has(work)) {
        await nextTurn();
        notes.push('loop');
      }
    };
    await loop();
    // With no time at all, each slice has a turn of its own.
    expect(notes.filter((note, at) => note === 'slice' && notes[at + 1] === 'slice')).toEqual([]);
  });

  it('wake work that sleeps, and let the others continue meanwhile', async () => {
    const turns = new Turns();
    const notes: string[] = [];
    let naps = 2;
    const sleeper: SlicedWork = {
      slice() {
        notes.push('sleeper');
        naps -= 1;
        return naps < 0 ? DONE : 20;
      },
    };
    const other = workOf('other', 3, notes);
    turns.add(sleeper);
    turns.add(other);
    await finished(turns, sleeper, other);
    expect(notes).toEqual(['sleeper', 'other', 'other', 'other', 'sleeper', 'sleeper']);
  });

  it('can begin after a while', async () => {
    const turns = new Turns();
    const notes: string[] = [];
    const [late, early] = [workOf('late', 1, notes), workOf('early', 1, notes)];
    turns.add(late, 20);
    turns.add(early);
    await finished(turns, late, early);
    expect(notes).toEqual(['early', 'late']);
  });

  it('take work once until it is done, and again after that', async () => {
    const turns = new Turns();
    const notes: string[] = [];
    const work = workOf('a', 1, notes);
    turns.add(work);
    turns.add(work);
    await finished(turns, work);
    expect(notes).toEqual(['a']);
    turns.add(workOf('b', 1, notes));
    const again = workOf('c', 1, notes);
    turns.add(again);
    await finished(turns, again);
    expect(notes).toEqual(['a', 'b', 'c']);
  });

  it('forget work that is removed, also by its own slice, and all of it at the end', async () => {
    const turns = new Turns();
    const notes: string[] = [];
    const own: SlicedWork = {
      slice() {
        notes.push('own');
        turns.remove(own);
        return 0;
      },
    };
    const removed = workOf('removed', 1, notes);
    turns.add(own);
    turns.add(removed);
    turns.remove(removed);
    await finished(turns, own, removed);
    const last = workOf('last', 1, notes);
    turns.add(last);
    turns.add(workOf('sleeping', 1, notes), 10);
    turns.clear();
    expect(turns.has(last)).toBe(false);
    for (let turn = 0; turn < 3; turn++) await nextTurn();
    expect(notes).toEqual(['own']);
  });
});
