export {
  type Contract,
  type ContractAcknowledge,
  type ContractCode,
  type ContractTopic,
  type DownEvents,
  defineContract,
  type UpEvents,
} from '../common/contract.js';
export type { ILogger, TLogLevel, TSocketIOEventHandler, ValueOrPromise } from '../common/types.js';
export type {
  AnswerErrorCode,
  RequestErrorCode,
  TRoomErrorCode,
  TRoomgateErrorCode,
  TUnauthenticatedCode,
} from '../protocol/errors.js';
export { RoomgateError } from '../protocol/errors.js';
export type {
  TAcknowledgement,
  TEventsMap,
  TLooseData,
  TLooseEvents,
  TNeedsAnswer,
  TPayload,
  TTopic,
} from '../protocol/event-maps.js';
export { SocketIOConstants } from '../protocol/events.js';
export type {
  IAuthenticatedMessage,
  IComeBackMessage,
  IJoinAnswer,
  ILeaveAnswer,
  IPingMessage,
  IRefusedRoom,
  IRoomsRequest,
  IUnauthenticatedMessage,
} from '../protocol/messages.js';
export type {
  Schema,
  SchemaInput,
  SchemaIssue,
  SchemaMembers,
  SchemaOutput,
  SchemaResult,
} from '../protocol/schema.js';
export type { TConstValue } from '../protocol/states.js';
export { SocketIOClientStates, type TSocketIOClientState } from '../protocol/states.js';
export { SocketIOClientHelper } from './client-helper.js';
export type { TCredentials, TCredentialsReason } from './credentials.js';
export type { IOptions, IQueueOptions, ISocketIOClientOptions } from './options.js';
export {
  isRequestError,
  RequestError,
  type RequestFailure,
  type RequestIssue,
} from './request-error.js';
export {
  type ISocketIOClientStatus,
  type IWaitOptions,
  SocketIOClientStatuses,
  type TSocketIOClientStatus,
} from './status.js';
export type {
  IClientEvents,
  IEmission,
  IRequest,
  ISubscription,
  IUseRequest,
  TAnswer,
  TAnyHandler,
  TDataOf,
  TEmitTopic,
  THandlerOf,
  THandlers,
  TListenEvents,
  TListenTopic,
  TLooseEmission,
  TLooseRequest,
  TLooseSubscription,
  TRequestTopic,
  TTypedEmission,
  TTypedRequest,
  TTypedSubscription,
} from './types.js';
