/** A JavaScript runtime, by its name. */
export type TRuntimeModule = 'node' | 'bun';

/** The JavaScript runtimes on which Roomgate runs. */
export class RuntimeModules {
  static readonly NODE = 'node';
  static readonly BUN = 'bun';

  /** The one that runs this program. */
  static detect(): TRuntimeModule {
    return 'Bun' in globalThis ? RuntimeModules.BUN : RuntimeModules.NODE;
  }

  static isBun(): boolean {
    return RuntimeModules.detect() === RuntimeModules.BUN;
  }

  static isNode(): boolean {
    return RuntimeModules.detect() === RuntimeModules.NODE;
  }
}
