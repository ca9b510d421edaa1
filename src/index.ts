export type {
  EmitterPayload,
  EmitterReport,
  IEmitterMessage,
  ISocketIOEmitterOptions,
} from './backplane/redis/emitter.js';
export { SocketIOEmitterHelper } from './backplane/redis/emitter.js';
export type {
  IHelpedRedisClient,
  IRedisClusterHelperOptions,
  IRedisHelperCallbacks,
  IRedisHelperOptions,
} from './backplane/redis/redis-helper.js';
export { DefaultRedisHelper, RedisClusterHelper, RedisHelper } from './backplane/redis/redis-helper.js';
export * from './client/index.js';
export type { Scope } from './common/scope.js';
export type { ISocketIOCorsOptions, TOrigin, TOriginFn } from './gate/origin-guard.js';
export type { Revoked } from './gate/revoker.js';
export { ClientError } from './handlers/client-error.js';
export type {
  ExplainedBar,
  ExplainedConnection,
  ExplainedLimit,
  ExplainedRoom,
  Explanation,
} from './limits/explanation.js';
export type { HandleOptions, HandlerCall, HandlerData, HandlerResult } from './ports/handlers.js';
export type {
  IBunServerHandle,
  IBunServerLike,
  IHttpServerLike,
  TServerHolder,
  TServerSource,
} from './ports/http-server.js';
export type { Identity, KnownIdentity, Refusal, RoomVerdict, When, Who } from './ports/identity.js';
export type {
  AuthenticateFn,
  AuthenticationKeyFn,
  IFailureOptions,
  IHandshake,
  IRedisClientLike,
  IRedisConnectionLike,
  TSocketIOAuthenticateFn,
  TSocketIOClientConnectedFn,
  TSocketIOValidateRoomFn,
  ValidateRoomFn,
} from './ports/options.js';
export type {
  IOServer,
  IOSocket,
  ISendOptions,
  IServerEvents,
  ISocketIOClient,
  TLooseServerHandler,
  TMessage,
  TServerHandlerOf,
  TServerListenEvents,
  TServerTopic,
} from './ports/socket.js';
export { DEFAULT_LIMITS, type ILimits } from './protocol/limits.js';
export {
  type NamesIn,
  type RoomAnswer,
  type RoomGuard,
  type RoomParams,
  roomGuards,
} from './rooms/room-guards.js';
export { RuntimeModules, type TRuntimeModule } from './runtime/runtime-modules.js';
export { SocketIOComponent } from './server/component.js';
export type {
  ISocketIOComponentOptions,
  ISocketIOServerBaseOptions,
  ISocketIOServerBunOptions,
  ISocketIOServerNodeOptions,
  TSocketIOServerOptions,
} from './server/options.js';
export type { Report, ReportOf } from './server/reports.js';
export { SocketIOServerHelper } from './server/server-helper.js';
export type { IBunHandlers, IBunServeOptions, IBunWebSocketHandlers } from './socketio/bun-types.js';
