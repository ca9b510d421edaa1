export type Tables = Readonly<Record<string, string>>;
export function tablesOf(errors: typeof import('../../src/protocol/errors.js')): Readonly<Record<string, Tables>>;
export function withTables(page: string, tables: Tables): string;
