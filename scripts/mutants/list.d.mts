export interface IMutant {
  readonly id: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly breaks: string;
  readonly test: string;
  readonly on: string;
  readonly only?: string;
}
export const MUTANTS: readonly IMutant[];
export function faultsOf(root: string): Promise<string[]>;
