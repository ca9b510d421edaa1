export const COMMON: readonly string[];

export function buildInto(
  folder: string,
  sources: readonly string[],
  build: (fresh: string) => Promise<boolean>,
  project?: string,
): Promise<boolean>;
