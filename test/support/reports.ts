import type { Report, ReportOf } from '../../src/server/reports.js';

const [client, error, connection, redis] = ['9Dk-1', new Error('odd'), 'publisher', '127.0.0.1:6379'];
const missed = { dropped: 2, uncertain: 1 };
/** Samples of each report, with every field in one of them. The compiler refuses a report without one. */
export const REPORTS: { readonly [T in Report['type']]: readonly ReportOf<T>[] } = {
  configured: [
    { type: 'configured', path: '/io', runtime: 'node', redis: true },
    { type: 'configured', path: '/io', runtime: 'node', redis: true, address: '127.0.0.1:3000' },
  ],
  listening: [{ type: 'listening', path: '/io', address: '[::]:3000' }],
  shut_down: [{ type: 'shut_down', clients: 2, forced: true }],
  shutdown_step_failed: [{ type: 'shutdown_step_failed', step: 'closing Redis', error }],
  client_connected: [{ type: 'client_connected', client }],
  client_renewed: [{ type: 'client_renewed', client }],
  client_authenticated: [{ type: 'client_authenticated', client }],
  client_refused: [
    { type: 'client_refused', client, code: 'refused', address: '127.0.0.1' },
    { type: 'client_refused', client, code: 'timeout', address: '127.0.0.1', afterMs: 10_000 },
  ],
  client_disconnected: [{ type: 'client_disconnected', client, reason: 'transport close' }],
  authenticate_fn_failed: [{ type: 'authenticate_fn_failed', client, error }],
  credential_rejected: [{ type: 'credential_rejected', client, error }],
  authenticate_fn_result_invalid: [
    { type: 'authenticate_fn_result_invalid', client, received: 'a string' },
    {
      type: 'authenticate_fn_result_invalid',
      client,
      received: 'an object',
      problem: '"user": expected a non-empty string of at most 255 characters, received \'\'',
    },
  ],
  validate_room_fn_failed: [{ type: 'validate_room_fn_failed', client, error }],
  validate_room_fn_missing: [{ type: 'validate_room_fn_missing', client }],
  validate_room_fn_result_invalid: [
    { type: 'validate_room_fn_result_invalid', client, received: 'a string' },
    {
      type: 'validate_room_fn_result_invalid',
      client,
      received: 'an array of 1',
      problem: '[0]: expected a room name',
    },
  ],
  validate_room_fn_unanswered: [{ type: 'validate_room_fn_unanswered', client, afterMs: 5_000 }],
  rooms_joined: [{ type: 'rooms_joined', client, rooms: ['a'] }],
  rooms_left: [{ type: 'rooms_left', client, rooms: ['a'] }],
  rooms_lost: [{ type: 'rooms_lost', client, rooms: [{ room: 'a', code: 'not_allowed' }] }],
  rooms_refused: [
    {
      ...{ type: 'rooms_refused', client, request: 'join', codes: ['not_allowed'] },
      rooms: [{ room: 'a', code: 'not_allowed' }],
    },
  ],
  handler_failed: [
    { type: 'handler_failed', where: 'clientConnectedFn', client, error },
    { type: 'handler_failed', where: 'a listener of a socket', client, error },
    { type: 'handler_failed', where: 'the callback of send()', error },
    { type: 'handler_failed', where: 'the handler of "say"', error },
  ],
  auth_too_large: [{ type: 'auth_too_large', client, maxBytes: 16_384 }],
  event_dropped: [{ type: 'event_dropped', client, reason: 'too_deep' }],
  client_connected_fn_slow: [{ type: 'client_connected_fn_slow', client, events: 3, afterMs: 10_000 }],
  limit_reached: [{ type: 'limit_reached', client, limit: 'held_events' }],
  user_limited: [{ type: 'user_limited', client, limit: 'messages_per_user', retryAfterMs: 1_200 }],
  limit_counted_alone: [{ type: 'limit_counted_alone', limit: 'messages_per_user_of_all' }],
  limit_counted_together: [{ type: 'limit_counted_together', limit: 'messages_per_user_of_all', afterMs: 12_000 }],
  proxy_unknown: [{ type: 'proxy_unknown', header: 'X-Forwarded-For', option: 'trustedHops' }],
  size_limit_fallback: [{ type: 'size_limit_fallback', missing: 'the receiver of a WebSocket of ws' }],
  pacing_fallback: [{ type: 'pacing_fallback', missing: 'the receiver of a WebSocket of ws' }],
  message_too_large: [
    { type: 'message_too_large', client: 'abc', maxBytes: 1_000_000, answer: 1009 },
    { type: 'message_too_large', client: 'abc', maxBytes: 1_000_000, answer: 413 },
  ],
  path_takes_all: [{ type: 'path_takes_all' }],
  every_origin_allowed: [{ type: 'every_origin_allowed', option: 'serverOptions.cors.origin' }],
  namespace_unguarded: [{ type: 'namespace_unguarded', namespace: '/admin' }],
  access_revoked: [
    { type: 'access_revoked', of: 'user', ended: 3, instances: 2, unconfirmed: ['b1'] },
    { type: 'access_revoked', of: 'id', ended: 1, instances: 1, unconfirmed: [] },
  ],
  fenced: [{ type: 'fenced', afterMs: 30_000, clients: 5 }],
  revocations_dropped: [{ type: 'revocations_dropped', count: 3, reason: 'too_old' }],
  revocations_unknown: [{ type: 'revocations_unknown', clients: 5 }],
  authentications_limited: [{ type: 'authentications_limited', by: 'key', failed: 10 }],
  authenticate_fn_unanswered: [{ type: 'authenticate_fn_unanswered', client, afterMs: 10_000 }],
  authentication_outage_began: [{ type: 'authentication_outage_began', failed: 20 }],
  authentication_outage_ended: [
    { type: 'authentication_outage_ended', afterMs: 12_000, calls: 140, failed: 118, turnedAway: 2_400 },
  ],
  middleware_unanswered: [{ type: 'middleware_unanswered', client, afterMs: 10_000 }],
  handler_unreachable: [{ type: 'handler_unreachable', topic: 'say' }],
  path_shared: [{ type: 'path_shared', path: '/io/' }],
  fanout_fallback: [{ type: 'fanout_fallback', missing: 'engine.createTransport()' }],
  fetch_sockets_answer_dropped: [{ type: 'fetch_sockets_answer_dropped' }],
  client_too_slow: [
    { type: 'client_too_slow', queuedBytes: 16_876_062 },
    { type: 'client_too_slow', client, queuedBytes: 16_876_062 },
  ],
  origin_refused: [{ type: 'origin_refused', origin: 'https://a.example', host: 'b.example', option: 'cors.origin' }],
  message_sent: [{ type: 'message_sent', topic: 'news', destination: 'every client' }],
  message_dropped: [{ type: 'message_dropped', topic: 'news' }],
  option_ignored: [{ type: 'option_ignored', option: 'serverOptions.adapter', reason: 'there is another' }],
  option_unusual: [{ type: 'option_unusual', option: 'authenticateTimeout', ms: 10 }],
  backplane_disconnected: [
    { type: 'backplane_disconnected', connection },
    { type: 'backplane_disconnected', connection, error },
  ],
  backplane_reconnect_failed: [{ type: 'backplane_reconnect_failed', connection, afterMs: 12, error }],
  backplane_reconnected: [
    { type: 'backplane_reconnected', connection, afterMs: 12, ...missed },
    { type: 'backplane_reconnected', connection: 'subscriber', afterMs: 12, ...missed },
  ],
  backplane_waiting: [
    { type: 'backplane_waiting', redis, afterMs: 2_000, timeoutMs: 30_000 },
    { type: 'backplane_waiting', redis, afterMs: 2_000, timeoutMs: 30_000, error },
  ],
  backplane_outage_began: [
    { type: 'backplane_outage_began', redis, connections: ['publisher', 'subscriber'], error },
    { type: 'backplane_outage_began', redis, connections: ['subscriber'], error },
    { type: 'backplane_outage_began', redis, connections: ['emitter'], error },
  ],
  backplane_outage_continues: [{ type: 'backplane_outage_continues', redis, afterMs: 12, error }],
  backplane_outage_ended: [
    { type: 'backplane_outage_ended', redis, connections: ['publisher', 'subscriber'], afterMs: 12, ...missed },
    { type: 'backplane_outage_ended', redis, connections: ['subscriber'], afterMs: 12, ...missed },
    { type: 'backplane_outage_ended', redis, connections: ['emitter'], afterMs: 12, ...missed },
  ],
  backplane_messages_missed: [
    { type: 'backplane_messages_missed', atLeast: 3, uncountedInstances: 0 },
    { type: 'backplane_messages_missed', atLeast: 3, uncountedInstances: 1 },
  ],
  backplane_messages_undelivered: [{ type: 'backplane_messages_undelivered', connection, ...missed }],
  backplane_subscription_replaced: [{ type: 'backplane_subscription_replaced', silentMs: 10_000 }],
  backplane_messages_rejected: [
    { type: 'backplane_messages_rejected', channel: 'request', reason: 'invalid JSON', count: 3 },
  ],
  backplane_command_refused: [
    { type: 'backplane_command_refused', command: 'ZADD', consequence: 'a lease is missing', error },
  ],
  backplane_command_allowed: [{ type: 'backplane_command_allowed', command: 'PSUBSCRIBE socket.io#/#*', afterMs: 12 }],
};
