/** Checked by the compiler, never run: imports every public name from its entry point. */

import * as client from '../../src/client/index.js';
import {
  DefaultRedisHelper,
  type IFailureOptions,
  type IHandshake,
  type IOptions,
  type ISocketIOClient,
  type ISocketIOClientOptions,
  type ISocketIOServerBaseOptions,
  type ISocketIOServerBunOptions,
  type ISocketIOServerNodeOptions,
  RedisClusterHelper,
  RedisHelper,
  RuntimeModules,
  SocketIOClientHelper,
  SocketIOClientStates,
  SocketIOComponent,
  type SocketIOConstants,
  SocketIOEmitterHelper,
  SocketIOServerHelper,
  type TConstValue,
  type TRuntimeModule,
  type TSocketIOAuthenticateFn,
  type TSocketIOClientConnectedFn,
  type TSocketIOClientState,
  type TSocketIOEventHandler,
  type TSocketIOServerOptions,
  type TSocketIOValidateRoomFn,
  type ValueOrPromise,
} from '../../src/index.js';

export type All = [
  IFailureOptions,
  IHandshake,
  IOptions,
  ISocketIOClient,
  ISocketIOClientOptions,
  ISocketIOServerBaseOptions,
  ISocketIOServerBunOptions,
  ISocketIOServerNodeOptions,
  TRuntimeModule,
  TSocketIOAuthenticateFn,
  TSocketIOClientConnectedFn,
  TSocketIOEventHandler,
  TSocketIOServerOptions,
  TSocketIOValidateRoomFn,
];
export const classes = [
  DefaultRedisHelper,
  RedisClusterHelper,
  RedisHelper,
  SocketIOClientHelper,
  SocketIOComponent,
  SocketIOEmitterHelper,
  SocketIOServerHelper,
];
export const inBrowsers = [client.SocketIOClientHelper, client.SocketIOConstants, client.SocketIOClientStates];

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Equal<A, B>): void {}

same<TSocketIOClientState, 'unauthorized' | 'authenticating' | 'authenticated'>(true);
same<TConstValue<typeof SocketIOClientStates>, TSocketIOClientState>(true);
same<TRuntimeModule, 'node' | 'bun'>(true);
same<ValueOrPromise<number>, number | Promise<number>>(true);
same<typeof SocketIOConstants.EVENT_PING, 'ping'>(true);
const runtime: TRuntimeModule = RuntimeModules.detect();
const state: unknown = runtime;
if (SocketIOClientStates.isValid(state)) same<typeof state, TSocketIOClientState>(true);
