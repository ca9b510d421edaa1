export interface IDuplicable {
  duplicate(...args: never[]): unknown;
}
export type TRedisConnection = IDuplicable | { getClient(): IDuplicable };
