import fc, { type IAsyncProperty } from 'fast-check';

/**
 * Checks a property with generated values. A failure prints its seed and path. To run it again:
 * `FC_SEED=… FC_PATH=… npx vitest run <file> -t <name>`.
 */
export async function holds<T>(property: IAsyncProperty<T>, numRuns: number): Promise<void> {
  const { FC_SEED, FC_PATH } = process.env;
  await fc.assert(property, {
    numRuns,
    verbose: fc.VerbosityLevel.Verbose,
    ...(FC_SEED === undefined ? {} : { seed: Number(FC_SEED) }),
    ...(FC_PATH === undefined ? {} : { path: FC_PATH }),
  });
}
