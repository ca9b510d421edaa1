import type { IBackplane, TReporter } from '../server/ports.js';
import type { TRedisConnection } from './client.js';
export interface IRedisBackplaneOptions {
  readonly redisConnection: TRedisConnection;
  readonly identifier: string;
  readonly report: TReporter;
  readonly key?: string | undefined;
}
export function createRedisBackplane(_options: IRedisBackplaneOptions): IBackplane {
  throw new Error('under construction');
}
