export const PINNED: readonly string[];
export const CLOSE: readonly string[];
export const BROUGHT: readonly string[];
export const TESTS: readonly string[];
export const PROGRAMS: readonly string[];
