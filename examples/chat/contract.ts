/**
 * The events between the chat's server and its page. The server checks what it receives with these schemas. The page imports
 * only the types, so its bundle does not contain zod.
 */
import { type DownEvents, defineContract, type UpEvents } from 'roomgate/client';
import { z } from 'zod';
import { checkedName } from './names.js';
import { isBlank, MAX_ECHO, MAX_TEXT } from './words.js';

/** JSON may contain half of a character. Scripts in Redis could not read it. */
const hasWholeCharacters = (text: string): boolean => !/\p{Surrogate}/u.test(text);

const visible = (most: number) =>
  z
    .string()
    .trim()
    .max(most)
    .refine((text) => !isBlank(text), 'A text needs at least one visible character.')
    .refine(hasWholeCharacters, 'A text needs whole characters.');

/** Says itself what is wrong, because a person reads it. */
export const nameSchema = z.custom<string>().transform((given, context) => {
  const checked = checkedName(given);
  if ('name' in checked) return checked.name;
  context.addIssue({ code: 'custom', message: checked.problem });
  return z.NEVER;
});
export const textSchema = visible(MAX_TEXT);
/** Why an operator acts, for the person concerned. */
export const reasonSchema = visible(200);

const echo = z.string().min(1).max(MAX_ECHO).refine(hasWholeCharacters);
const room = z.string();

/**
 * The server chooses `id`. Times are in ISO 8601. `echo` is a token that the sender chose, and only the sender receives it: the
 * server does not add a second message with the same token of the same sender.
 */
const entry = { id: z.string(), echo: echo.optional(), from: z.string(), text: z.string(), at: z.string() };

/** A message in a room. */
const message = z.object({ ...entry, room });
/** A message to one person. */
const whisper = z.object({ ...entry, to: z.string() });

const person = z.object({ name: z.string(), rooms: z.array(z.string()) });

/** A room of the chat, by its short id. */
const roomInfo = z.object({ id: z.string(), title: z.string(), about: z.string() });

export const contract = defineContract({
  up: {
    say: { input: z.object({ echo, room, text: textSchema }), output: message },
    whisper: {
      input: z.object({ echo, to: nameSchema, text: textSchema }),
      output: whisper,
      // `away`: nobody with that name is online. `too_many_people`: too many new conversations in a short time.
      errors: ['away', 'too_many_people'],
    },
    /** The last messages, oldest first: of a room, and of the conversation with a person. */
    history: { input: z.object({ room }), output: z.array(message) },
    whispers: { input: z.object({ person: nameSchema }), output: z.array(whisper) },
    typing: {
      input: z.union([z.object({ room, typing: z.boolean() }), z.object({ to: nameSchema, typing: z.boolean() })]),
    },
  },
  down: {
    welcome: z.object({
      name: z.string(),
      instance: z.string(),
      rooms: z.array(roomInfo),
      limits: z.object({ text: z.number() }),
    }),
    message,
    whisper,
    typing: z.union([
      z.object({ room, from: z.string(), typing: z.boolean() }),
      z.object({ to: z.string(), from: z.string(), typing: z.boolean() }),
    ]),
    /** The whole list. A client receives it once, after authentication, and `presence` from then on. */
    people: z.object({ people: z.array(person) }),
    /** Changes of the list: new or changed entries, and the names that left. */
    presence: z.object({ changed: z.array(person), gone: z.array(z.string()) }),
    health: z.object({ degraded: z.boolean(), message: z.string() }),
    /** An operator moved this client: the rooms that it is in now. */
    rooms: z.object({ rooms: z.array(z.string()) }),
    notice: z.object({ text: z.string(), at: z.string() }),
  },
});

/** Events from clients, and events to clients. */
export type Up = UpEvents<typeof contract>;
export type Down = DownEvents<typeof contract>;

export type Message = z.infer<typeof message>;
export type Whisper = z.infer<typeof whisper>;
export type Person = z.infer<typeof person>;
export type Room = z.infer<typeof roomInfo>;
export type Welcome = Parameters<Down['welcome']>[0];
export type Typing = Parameters<Down['typing']>[0];
export type Presence = Parameters<Down['presence']>[0];

/** The answer to `POST /api/sign-in`. */
export interface SignedIn {
  name: string;
  /** For `POST /api/token`, which returns a new `token`, and for `POST /api/sign-out`. Valid for 12 hours. */
  login: string;
  /** For a connection. Valid for 10 minutes. */
  token: string;
}
