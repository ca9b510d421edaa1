import { HISTORY_LENGTH } from '../words.js';
import { type Entry, type HistoryStore, MAX_CONVERSATIONS, MemoryHistory } from './history.js';
import type { RedisLink } from './redis.js';

/** A conversation without a new message is forgotten after a week, in seconds. */
const LIFETIME_S = 7 * 24 * 60 * 60;

/**
 * Both scripts begin with this. `kept` notes the time of a conversation and who opened it. If there are too many, it forgets one
 * by the rule of `MAX_CONVERSATIONS`. It computes the keys of those, which a Redis Cluster would not allow.
 */
const SHARED = `
local list, times, openers = KEYS[1], KEYS[2], KEYS[3]
local length, lifetime, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local prefix, conversation, now = ARGV[4], ARGV[5], tonumber(ARGV[6])

local function read(item)
  local isRead, message = pcall(cjson.decode, item)
  local isWhole = isRead and type(message) == 'table'
  for _, field in ipairs({ 'id', 'from', 'at' }) do isWhole = isWhole and type(message[field]) == 'string' end
  return isWhole and message or nil
end

-- By the rule of MemoryHistory: the place of the oldest message of the person who has most messages.
local function surplus(entries)
  local counts, highest = {}, 0
  for _, entry in ipairs(entries) do
    counts[entry.from] = (counts[entry.from] or 0) + 1
    highest = math.max(highest, counts[entry.from])
  end
  for place, entry in ipairs(entries) do
    if counts[entry.from] == highest then return place end
  end
end

local function forget(old)
  redis.call('DEL', prefix .. old)
  redis.call('ZREM', times, old)
  redis.call('HDEL', openers, old)
end

local function forgetOne()
  local fields, opened, highest, by = redis.call('HGETALL', openers), {}, 0, {}
  for place = 1, #fields, 2 do
    local opener = fields[place + 1]
    by[fields[place]] = opener
    opened[opener] = (opened[opener] or 0) + 1
    highest = math.max(highest, opened[opener])
  end
  for _, old in ipairs(redis.call('ZRANGE', times, 0, -1)) do
    if by[old] == nil or opened[by[old]] == highest then return forget(old) end
  end
end

local function kept(opener)
  redis.call('ZADD', times, now, conversation)
  redis.call('HSETNX', openers, conversation, opener)
  for _, old in ipairs(redis.call('ZRANGEBYSCORE', times, '-inf', now - lifetime * 1000)) do forget(old) end
  if redis.call('ZCARD', times) > most then forgetOne() end
  for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, lifetime) end
end
`;

/** Looks for a retry and adds in one step, because a retry may arrive on two instances at once. */
const ADD = `${SHARED}
local new, from, echo = ARGV[7], ARGV[8], ARGV[9]
local entries = {}
for place, item in ipairs(redis.call('LRANGE', list, 0, -1)) do
  local message = read(item)
  if message and message.from == from and message.echo == echo then return item end
  entries[place] = { from = message and message.from or '', item = item }
end
entries[#entries + 1] = { from = from, item = new }
redis.call('RPUSH', list, new)
while #entries > length do redis.call('LREM', list, 1, table.remove(entries, surplus(entries)).item) end
kept(from)
return false
`;

/** Adds messages that were sent while Redis was unreachable, each at its time. */
const MERGE = `${SHARED}
local seen, entries = {}, {}
local function take(item)
  local message = read(item)
  if not message or seen[message.id] then return end
  local retry = message.echo and cjson.encode({ message.from, message.echo })
  if retry and seen[retry] then return end
  seen[message.id] = true
  if retry then seen[retry] = true end
  entries[#entries + 1] = { at = message.at, from = message.from, place = #entries, item = item }
end
for _, item in ipairs(redis.call('LRANGE', list, 0, -1)) do take(item) end
for place = 7, #ARGV do take(ARGV[place]) end
table.sort(entries, function(one, other)
  if one.at == other.at then return one.place < other.place end
  return one.at < other.at
end)
while #entries > length do table.remove(entries, surplus(entries)) end
redis.call('DEL', list)
for _, entry in ipairs(entries) do redis.call('RPUSH', list, entry.item) end
if #entries > 0 then kept(entries[1].from) end
`;

/**
 * A list in Redis for each conversation, shared by all instances. Each instance also keeps what it sent or read in memory. While
 * Redis is unreachable it uses that, and afterwards it adds to Redis what was sent meanwhile.
 */
export class RedisHistory<T extends Entry> implements HistoryStore<T> {
  readonly #redis: RedisLink;
  readonly #kind: string;
  readonly #memory = new MemoryHistory<T>();
  readonly #unsaved = new Set<string>();

  /** @param kind Of conversation; the keys are `chat:<kind>:<conversation>`, `chat:times:<kind>` and `chat:openers:<kind>`. */
  constructor(redis: RedisLink, kind: string) {
    this.#redis = redis;
    this.#kind = kind;
    redis.onChange((available) => {
      if (available) void this.#save();
    });
  }

  async add(conversation: string, message: T): Promise<T | undefined> {
    try {
      const args = [JSON.stringify(message), message.from, message.echo ?? ''];
      const found = await this.#eval(ADD, conversation, ...args);
      const earlier = typeof found === 'string' ? (JSON.parse(found) as T) : undefined;
      this.#memory.merge(conversation, [earlier ?? message]);
      return earlier;
    } catch {
      this.#note(conversation);
      return this.#memory.add(conversation, message);
    }
  }

  async list(conversation: string): Promise<T[]> {
    try {
      const items = await this.#redis.run((client) => client.lrange(this.#prefix + conversation, 0, -1));
      return this.#memory.merge(
        conversation,
        items.map((item) => JSON.parse(item) as T),
      );
    } catch {
      return this.#memory.list(conversation);
    }
  }

  get #prefix(): string {
    return `chat:${this.#kind}:`;
  }

  #note(conversation: string): void {
    this.#unsaved.add(conversation);
    if (this.#unsaved.size <= 2 * MAX_CONVERSATIONS) return;
    for (const noted of this.#unsaved) if (!this.#memory.has(noted)) this.#unsaved.delete(noted);
  }

  async #save(): Promise<void> {
    for (const conversation of this.#unsaved) {
      try {
        const messages = await this.#memory.list(conversation);
        await this.#eval(MERGE, conversation, ...messages.map((message) => JSON.stringify(message)));
        this.#unsaved.delete(conversation);
      } catch {
        // Unreachable again, or Redis refuses: the conversation is kept for the next attempt.
      }
    }
  }

  #eval(script: string, conversation: string, ...args: string[]): Promise<unknown> {
    const keys = [this.#prefix + conversation, `chat:times:${this.#kind}`, `chat:openers:${this.#kind}`];
    const bounds = [HISTORY_LENGTH, LIFETIME_S, MAX_CONVERSATIONS];
    return this.#redis.run((client) =>
      client.eval(script, keys.length, ...keys, ...bounds, this.#prefix, conversation, Date.now(), ...args),
    );
  }
}
