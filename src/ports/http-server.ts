import type { ValueOrPromise } from '../common/types.js';

/** What is used of a server of node:http or node:https; frameworks type theirs in many ways. */
export interface IHttpServerLike {
  // biome-ignore lint/suspicious/noExplicitAny: servers differ in the types of their listeners
  on(event: string, listener: (...args: any[]) => void): unknown;
  listeners(event: string): unknown[];
  removeAllListeners(event?: string): unknown;
  close(...args: never[]): unknown;
}

/** What is used of a server of `Bun.serve`. */
export interface IBunServerLike {
  stop(closeActiveConnections?: boolean): unknown;
}

/** A server that `SocketIOComponent` started on Bun: of what `Bun.serve` returns, what programs use most. */
export interface IBunServerHandle extends IBunServerLike {
  readonly port?: number | undefined;
  readonly hostname?: string | undefined;
  readonly url: URL;
  reload(options: object): unknown;
}

/** A server, or what holds one, as a Fastify app does. */
export type TServerHolder = IHttpServerLike | { readonly server: IHttpServerLike };

/** A server, or a function that returns it, since many frameworks have one only once they listen. */
export type TServerSource = TServerHolder | (() => ValueOrPromise<TServerHolder | undefined>);
