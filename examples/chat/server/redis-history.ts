import { HISTORY_LENGTH } from '../words.js';
import { type IEntry, type IHistory, MemoryHistory } from './history.js';
import type { RedisLink } from './redis.js';

/** A conversation that nobody adds to is forgotten after a week, in seconds. */
const LIFETIME_S = 7 * 24 * 60 * 60;

/** Looking and adding are one step, as a message that is sent again may arrive on two instances at once. */
const ADD = `
for _, item in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  local isRead, message = pcall(cjson.decode, item)
  if isRead and message.id == ARGV[3] then return item end
end
redis.call('RPUSH', KEYS[1], ARGV[4])
redis.call('LTRIM', KEYS[1], -ARGV[1], -1)
redis.call('EXPIRE', KEYS[1], ARGV[2])
return false
`;

/** Puts what was said while Redis was away at its time among what is there. */
const MERGE = `
local seen, entries = {}, {}
local function take(item)
  local isRead, message = pcall(cjson.decode, item)
  if not isRead or seen[message.id] then return end
  seen[message.id] = true
  entries[#entries + 1] = { at = message.at, place = #entries, item = item }
end
for _, item in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do take(item) end
for place = 3, #ARGV do take(ARGV[place]) end
table.sort(entries, function(one, other)
  if one.at == other.at then return one.place < other.place end
  return one.at < other.at
end)
redis.call('DEL', KEYS[1])
for place = math.max(1, #entries - ARGV[1] + 1), #entries do redis.call('RPUSH', KEYS[1], entries[place].item) end
redis.call('EXPIRE', KEYS[1], ARGV[2])
`;

/**
 * A list in Redis for each conversation, shared by all instances. What this instance said or read is remembered here too: it
 * stands in while Redis is away, and what was said meanwhile is put into the list when it is back.
 */
export class RedisHistory<T extends IEntry> implements IHistory<T> {
  readonly #redis: RedisLink;
  readonly #prefix: string;
  readonly #memory = new MemoryHistory<T>();
  readonly #unsaved = new Set<string>();

  /** @param kind Of conversation; the keys are `chat:<kind>:<conversation>`. */
  constructor(redis: RedisLink, kind: string) {
    this.#redis = redis;
    this.#prefix = `chat:${kind}:`;
    redis.onChange((available) => {
      if (available) void this.#save();
    });
  }

  async add(conversation: string, message: T): Promise<T | undefined> {
    try {
      const found = await this.#eval(ADD, conversation, message.id, JSON.stringify(message));
      const earlier = typeof found === 'string' ? (JSON.parse(found) as T) : undefined;
      this.#memory.merge(conversation, [earlier ?? message]);
      return earlier;
    } catch {
      this.#unsaved.add(conversation);
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

  async #save(): Promise<void> {
    for (const conversation of this.#unsaved) {
      try {
        const messages = await this.#memory.list(conversation);
        await this.#eval(MERGE, conversation, ...messages.map((message) => JSON.stringify(message)));
        this.#unsaved.delete(conversation);
      } catch {
        // Away again, or Redis refuses: it stays noted for the next time.
      }
    }
  }

  #eval(script: string, conversation: string, ...args: string[]): Promise<unknown> {
    const key = this.#prefix + conversation;
    return this.#redis.run((client) => client.eval(script, 1, key, HISTORY_LENGTH, LIFETIME_S, ...args));
  }
}
