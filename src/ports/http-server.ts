import type { ValueOrPromise } from '../common/types.js';

/** The part of a server of node:http or node:https that is used. Frameworks have different types for theirs. */
export interface IHttpServerLike {
  // biome-ignore lint/suspicious/noExplicitAny: servers differ in the types of their listeners
  on(event: string, listener: (...args: any[]) => void): unknown;
  listeners(event: string): unknown[];
  removeAllListeners(event?: string): unknown;
  close(...args: never[]): unknown;
}

/** The part of a server of `Bun.serve` that is used. */
export interface IBunServerLike {
  stop(closeActiveConnections?: boolean): unknown;
}

/** A server that `SocketIOComponent` started on Bun, with the members of `Bun.serve`'s server that programs use most. */
export interface IBunServerHandle extends IBunServerLike {
  readonly port?: number | undefined;
  readonly hostname?: string | undefined;
  readonly url: URL;
  reload(options: object): unknown;
}

/** A server, or an object with one in `server`, such as a Fastify app. */
export type TServerHolder = IHttpServerLike | { readonly server: IHttpServerLike };

/** A server, or a function that returns it, because many frameworks have one only once they listen. */
export type TServerSource = TServerHolder | (() => ValueOrPromise<TServerHolder | undefined>);
