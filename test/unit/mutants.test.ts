// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { faultsOf, MUTANTS } from '../../scripts/mutants/list.mjs';
import { PROJECT } from '../support/document.js';
import { testFiles } from '../support/places.js';

describe('the mutants of `npm run test:mutants`', () => {
  const placesOf = new Map(testFiles().map(({ path, places }) => [path, places]));

  it('match existing source lines and test files', async () => {
    expect(await faultsOf(PROJECT)).toEqual([]);
    expect(MUTANTS.length).toBeGreaterThanOrEqual(60);
  });

  it.each(MUTANTS.map(({ id, test, on }) => [id, test, on] as const))(
    '%s is killed by npm test: %s on %s',
    (_, test, on) => {
      expect(placesOf.get(test)?.test).toContain(on);
    },
  );
});
