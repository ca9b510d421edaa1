// What docs/errors.md and docs/protocol.md say about each code, apart from the facts in src/protocol/errors.ts, which clients and servers use.
// `npm run errors` writes the tables of both pages from the two files.

/** `where` the code appears, what it means, and how to fix it. */
export const THROWN = {
  invalid_option: {
    where:
      'Constructors and `SocketIOComponent.start()`. `configure()`, if a Redis helper returns no client, or if the path or the `engine` belongs to another instance',
    meaning: 'An option is missing, invalid or misspelled. `start(app)` on Bun',
    fix: 'The message names the option, the expected value and the received value. `serverOptions.connectionStateRecovery` is not supported: [why](concepts/the-gate.md#not-guaranteed). `redisConnection` and the `client` of a `DefaultRedisHelper` must be clients of ioredis 5 or 6; instead of a client of the package `redis`, create a `RedisHelper`. An engine serves one helper, so create a new engine for each. On Bun [pass applications to `serve()`](bun.md#ten-lines)',
  },
  invalid_argument: {
    where:
      '`send`, `emit` and the `cb` of both, `request`, `on`, `onStatus`, `waitFor`, `handle`, `defineContract`, `joinRooms`, `revoke`, `revalidate` and `explain` of the server, `SocketIOComponent.start()`',
    meaning:
      "An empty destination; a missing or reserved topic; a second handler of a topic; something that is no schema; an invalid code of your own; data that Socket.IO can't send (a function, a symbol, a bigint, a circular reference, a promise; a `Map`, a `Set` and an `Error` without fields of its own, of which JSON makes `{}`); an unknown status; another server than before; a path that is in use",
    fix: "The message names the argument. Inside an object or an array, JSON drops functions and symbols, and makes `{}` of a `Map`: these are not refused. To send to all clients, leave out `destination`. Socket.IO's own event names and names that start with `roomgate:` are reserved",
  },
  not_configured: {
    where: '`send`, `on`, `getIOServer`, `getEmitter`, `component.helper`, `component.serveOptions`',
    meaning: 'The method was called before `configure()` or `start()` resolved',
    fix: 'Await `configure()` or `start()` first',
  },
  not_connected: {
    where: '`emit` and `request` of the client',
    meaning:
      'The client is not connected. With the option `queue`, only if the client will not reconnect automatically',
    fix: "Await `waitFor('authenticated')`, or set the option `queue`. After a refusal or `disconnect()`, call `connect()` first. After `shutdown()`, create a new helper",
  },
  credentials_failed: {
    where: '`onError` of the client',
    meaning: '`credentials` threw, rejected, or returned neither an object nor `null`',
    fix: 'See `cause`. The next attempt calls `credentials` again, after the back-off',
  },
  queue_full: {
    where: '`emit` and `request` of the client',
    meaning: 'The queue holds `queue.max` messages (100)',
    fix: 'Tell the user that no more messages are accepted, or raise `queue.max`',
  },
  expired: {
    where: "`cb` of the client's `emit`, `request`",
    meaning: 'The message was in the queue for longer than `queue.ttl` (30 s), so it was not sent',
    fix: 'Emit it again if it still matters',
  },
  refused: {
    where: '`cb` of `emit`, `request`, `waitFor`',
    meaning: 'The server refused this client. The client does not reconnect automatically',
    fix: 'Get new credentials, then call `connect()`',
  },
  user_changed: {
    where: '`cb` of `emit`, `request`',
    meaning:
      'The message was in the queue when this client was authenticated as [another user](concepts/identity.md#another-user), so it was not sent',
    fix: "Emit it again only if it is the new user's as well",
  },
  disconnected: {
    where: '`cb` of `emit`, `request`, `waitFor`',
    meaning:
      'Either program disconnected this client, or all permitted attempts failed. `request`: also if the connection ended before the answer; the server may have handled it',
    fix: 'Call `connect()`',
  },
  timed_out: {
    where: '`waitFor`, `request`; `onError` of the client',
    meaning:
      '`waitFor`: the status was not reached within `timeout`. `request`: no answer within `timeout` (10 s); the message says whether it was sent. `onError`: the server did not answer in time, either the connect to its namespace or `credentials` within `options.timeout` (20 s), or `authenticate` within `authenticateTimeout` (20 s)',
    fix: '`getStatus()` has the current status. `request`: check the topic, and that the server has a handler of it. A handler of `socket.on` has to call the acknowledgement. One of `handle()` always answers, at the latest after `handlerTimeout` (30 s). The client connects again automatically. If the server never answers `authenticate`, the namespace in `host` is one that the server does not authenticate',
  },
  shut_down: {
    where: '`configure()`, `start()`, `waitFor`, `cb` of `emit`, `request`',
    meaning:
      'The helper or the component was shut down, before the call or during it. `emit` and `request`: the message was in the queue, or had no answer yet. A later `emit` or `request` gets `not_connected`',
    fix: '`shutdown()` is final. Create a new helper',
  },
  unsupported: {
    where:
      '`configure()`, `start()`, `serve`, `serveOptions`, `getEngine`, `getEmitter`. The constructors of `RedisHelper`, `RedisClusterHelper`, `SocketIOEmitterHelper`, and of a server with `redisConnection`',
    meaning:
      "The package `@socket.io/bun-engine` is missing on Bun; a package for Redis is missing; `serve()`, `serveOptions()` or `getEngine()` on Node.js; `getEmitter()` without `redisConnection`; a version of Socket.IO that can't be guarded",
    fix: "The message names the cause. If a package is missing, it contains the command that installs it: `bun add @socket.io/bun-engine`, or `npm install ioredis @socket.io/redis-adapter @socket.io/redis-emitter`. If Socket.IO can't be guarded, install the newest socket.io 4.8: [why it does not start](concepts/the-gate.md#guaranteed)",
  },
  redis_unreachable: {
    where: '`configure()`',
    meaning: 'Redis was not usable within `redisTimeout` (30 s). After 2 s, a warning names the cause',
    fix: "The message has the address (host and port, the nodes of a cluster, or the Sentinels and their master) and the last cause, such as `ECONNREFUSED`, `WRONGPASS`, `this server does not speak Redis' protocol`, `No Sentinel knows a master`, or `NOPERM` with [the missing ACL rule](concepts/many-instances.md#the-rights-of-the-redis-user). Nothing is left open, so you may call `configure()` again",
  },
};

/** `client`: what the client helper does. `wire`: the meaning for foreign clients. */
export const UNAUTHENTICATED = {
  refused: {
    meaning:
      '`authenticateFn` returned `false`, or threw an error about a bad credential. Or `auth` is nested too deeply',
    fix: 'If `authenticateFn` returned an invalid result, the server logs a warning. Otherwise the credentials are wrong: let the user sign in, then call `connect()`',
    client: 'does not reconnect',
    wire: "the server's check did not accept the client",
  },
  timeout: {
    meaning:
      'The client was not authenticated within `authenticateTimeout` (10 s). It never called `authenticate()`, `credentials` took too long, or `authenticateFn` did not settle',
    fix: 'Set `credentials` or `autoAuthenticate` in the client. Add a timeout to everything that `authenticateFn` awaits',
    client: 'does not reconnect',
    wire: 'the client was not authenticated in time',
  },
  unavailable: {
    meaning:
      '`authenticateFn` threw another error, such as that of a database that is down, or [was not called](concepts/the-gate.md#a-backend-that-fails), because it fails for all clients or is too slow. Or `clientConnectedFn` threw or rejected. Without the event, as an error of the connect to the namespace: a middleware of `io.use()` threw or rejected',
    fix: "Read the error in the server's log. The client needs no change",
    client:
      'reconnects automatically after the time that the server named (1 s to 60 s) and the back-off, and keeps its queue and rooms',
    wire: 'the server could not check or serve the client; the client reconnects automatically, not before `after` has passed',
  },
  expired: {
    meaning:
      "The `expiresAt` of the client's [identity](concepts/identity.md#when-access-ends) has passed. The client [renews](concepts/identity.md#renewal) in time, unless it has no `credentials`, was asleep, or its renewals failed",
    fix: 'Let `credentials` fetch a new token at each call',
    client:
      'with automatic authentication: reconnects once, with fresh credentials. It is `refused` if `credentials` returns the same ones again',
    wire: 'its credentials have expired, or its access has ended',
  },
  user_changed: {
    meaning:
      'A [renewal](concepts/identity.md#renewal) had the credentials of another user or another session, or `authenticateFn` returned `true` for it',
    fix: 'Nothing, if another user signed in',
    client: 'with automatic authentication: reconnects once, as the new user, with an empty queue and no rooms',
    wire: 'a renewal had the credentials of another user or session',
  },
  revoked: {
    meaning: '`revoke()` ended the access of this user, session or client, for now or with `barFor`',
    fix: 'Nothing. Your program did this on purpose',
    client: 'does not reconnect',
    wire: "the program has withdrawn the client's access",
  },
  rate_limited: {
    meaning:
      'The client sent more than `limits.messagesPerSecond` for longer than `limits.delayedFor` (30 s), or it reconnected before `limits.refusedFor` (30 s) had passed. Or so many authentications of its login or its address failed that [further ones are limited](concepts/the-gate.md#failed-attempts)',
    fix: 'Find out why the client sends so much. If it is meant, raise the limit. After failed authentications: wait',
    client:
      'reconnects automatically, not before the time that the server named (at most 60 s), and keeps its queue and rooms',
    wire: 'the client sent too much for too long, or too many authentications of its login or address failed; it reconnects automatically, not before `after` has passed',
  },
  too_many_connections: {
    meaning: 'The user has `limits.connectionsPerUser` connections to this instance (1 000)',
    fix: 'Find out why connections are left open: one helper per page or process is enough. If it is meant, raise the limit',
    client: 'the same',
    wire: 'the user has too many connections; the client reconnects automatically, not before `after` has passed',
  },
};

/** Without `client` the client helper does what the column `retryable` means. Without `wire` the code never travels. */
export const ROOMS = {
  not_allowed: {
    meaning: '`validateRoomFn` is missing, or did not return this room, or returned something invalid for it',
    fix: 'Set `validateRoomFn`, and return the names of the allowed rooms, not booleans',
    wire: 'the program did not allow it, or has no guard',
  },
  revoked: {
    meaning: '`revoke()` withdrew the access of this user or session to the room, for now or with `barFor`',
    fix: 'Nothing. Your program did this on purpose',
    wire: 'the program has withdrawn the access to this room, for now or for some time',
  },
  guard_failed: {
    meaning: '`validateRoomFn` threw or rejected, or did not settle within `guardTimeout` (5 s)',
    fix: "The server's log has the error. The client helper waits for 5 s by default: to get this code for a slow guard, set `roomsTimeout` above `guardTimeout`",
    wire: "the program's guard threw, rejected or took too long (5 s by default). The guard checks the whole request, so all its rooms are refused",
  },
  invalid_payload: {
    meaning: 'The request is not `{ rooms: string[] }`. The message shows what was received',
    fix: "With the helper: `joinRooms({ rooms: ['name'] })`, even for one room",
    wire: 'not of the shape `{ rooms: string[] }`',
  },
  invalid_name: {
    meaning: 'The name is empty',
    fix: 'Use a name of at least one character',
    wire: 'the empty name',
  },
  name_too_long: {
    meaning: 'The name is longer than `limits.roomNameLength` (255)',
    fix: 'Shorten the name, or raise the limit',
    wire: 'longer than allowed (255 UTF-16 units by default)',
  },
  reserved_name: {
    meaning: 'The name starts with `roomgate:`',
    fix: 'Use another name',
    wire: 'starts with `roomgate:`',
  },
  socket_id: {
    meaning:
      'The name has the form of a socket id (`rg--` and 16 more characters), or is the id of a socket of a plain Socket.IO server',
    fix: 'Such a room is private. To reach a user, [send to the user](concepts/identity.md#messages-and-rooms-by-user)',
    wire: "a name with the form of a socket's id (`rg--` and 16 characters out of `A-Z`, `a-z`, `0-9`, `_` and `-`), the client's own included; or the id of a socket of a plain Socket.IO server",
  },
  cluster_unanswered: {
    meaning:
      'The name has the form of a plain Socket.IO id (20 characters of `A-Z a-z 0-9 - _`), and a server did not answer within 1 s whether it has that socket. Redis is unreachable, an instance died in the last 15 s, or a plain Socket.IO server uses an adapter other than Redis',
    fix: 'Ask again later, or use names of another form, such as `team/red`',
    wire: 'the name has the form of an id of plain Socket.IO (20 characters out of `A-Z`, `a-z`, `0-9`, `_` and `-`), and not every server answered within 1 s whether it is one',
  },
  too_many_rooms: {
    meaning: 'The request has more than `limits.roomsPerRequest` rooms (256)',
    fix: 'Send several requests',
    wire: 'more rooms in one request than allowed (256 by default)',
    client: 'forgets the rooms that are new. After a reconnect it asks in smaller requests',
  },
  room_limit: {
    meaning: 'The client is in, or has asked for, `limits.roomsPerClient` rooms (1 000)',
    fix: 'Leave some rooms first',
    wire: "the client is in the maximum number of rooms (1 000 by default; default rooms don't count)",
  },
  room_expired: {
    meaning:
      'The moment that `validateRoomFn` gave as `until` has come. The client was in the room until then, or the other rooms of its `join` took longer',
    fix: 'Ask for the room again',
    wire: 'the moment that the program had set has come: the client was in the room until then (`roomgate:left`), or the guard took longer for the other rooms of the `join`',
  },
  left: {
    meaning: 'The client left the room before the decision',
    fix: 'Join again if that was not intended',
    client: 'has forgotten the room, because of `leaveRooms`',
    wire: 'the client left the room meanwhile',
  },
  unauthenticated: {
    meaning: 'From the client helper: the client is not authenticated yet, so it sent nothing',
    fix: "Await `waitFor('authenticated')` first. With automatic authentication the helper asks for the room after authentication",
    client: 'asks as soon as it is authenticated',
  },
  offline: {
    meaning: 'From the client helper: there is no connection, or it was lost before the answer',
    fix: 'the same',
    client: 'asks after the next reconnect',
  },
  timeout: {
    meaning:
      'From the client helper: no valid answer within `roomsTimeout` (5 s). A server without Roomgate may never answer',
    fix: 'With Roomgate: check whether `validateRoomFn` is slower than that. Set `roomsTimeout` above `guardTimeout` to get `guard_failed` instead',
  },
};

/** The client helper rejects `request()` with each, and repeats nothing. */
export const ANSWERS = {
  internal: {
    meaning:
      "The handler, a schema, `memberOf` or a middleware of `socket.use()` threw or rejected. Or the result of the handler does not match the schema `output`, or JSON can't represent it, such as a `Map` or a function. A `ClientError` that the handler or `memberOf` throws reaches the client unchanged instead. The client helper also uses this code for an error answer without a valid code",
    fix: 'Read the error in the log of the server. Throw a `ClientError` for errors that the client should know',
    wire: 'the program failed while it handled the event',
  },
  invalid: {
    meaning:
      'The data does not match the schema `input`, or the event has more than one argument (`too_many_arguments`), or its data nests deeper than `limits.payloadDepth` (`too_deep`). `issues` has up to 10 places, each with `path` and `code`',
    fix: 'Send data that the schema accepts: [the codes of zod, valibot and arktype](recipes/validation.md#the-codes-of-each-library). The same data will be refused again',
    wire: 'the data does not match what the program expects. `issues` says where',
  },
  not_in_room: {
    meaning: 'The client is not in the room that `memberOf` of the handler returned',
    fix: 'Await `joinRooms()` first',
    wire: 'the client has to be in a room for this event, and is not',
  },
  rate_limited: {
    meaning:
      'The user sent more events than `limits.messagesPerUser`, `limits.messagesPerUserOfAll` or the `limit` of the handler allows',
    fix: 'Wait for `retryAfter`, then send it again',
    wire: 'the client or its user sent too much. `retryAfter` says when the event can succeed',
  },
  busy: {
    meaning: 'Handlers of `handle()` are working on `limits.requestsInFlight` events (100) of this client',
    fix: 'Await earlier answers first',
    wire: 'the server is handling too many events of this client already',
  },
  too_large: {
    meaning: 'The event has more than `limits.payloadBytes`',
    fix: 'Send less, or raise the limit. Upload files over HTTP',
    wire: 'the event has more bytes than the server allows',
  },
  timed_out: {
    meaning:
      'The handler has not settled within `handlerTimeout` (30 s). Its `signal` was aborted, and its result will be ignored',
    fix: 'In the handler, give each request to a database or a service a timeout, or the `signal`. The client helper waits for 10 s by default: to get this answer, set `timeout` of `request()` above `handlerTimeout`. In the client, find out whether the event was handled before you send it again',
    wire: 'the program took too long, and may still handle the event',
  },
};
