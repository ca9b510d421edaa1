/** Maps event names to the signatures of their handlers, as in Socket.IO. */
// biome-ignore lint/suspicious/noExplicitAny: Socket.IO's own bound for its event maps
export type TEventsMap = { [event: string]: any };

/** The map that allows every name and every payload: the default. */
// biome-ignore lint/suspicious/noExplicitAny: Socket.IO's own default for its event maps
export type TLooseEvents = { [event: string]: (...args: any[]) => void };

/** The default type of `socket.data`. */
// biome-ignore lint/suspicious/noExplicitAny: Socket.IO's own default
export type TLooseData = any;

/** The topics of a map. Without a map: any string. */
export type TTopic<Map extends TEventsMap> = keyof Map & string;

/**
 * The payload of a topic: the first argument of its signature. Undefined if the signature has no arguments, or only an
 * acknowledgement.
 */
export type TPayload<Map extends TEventsMap, T extends keyof Map> = Map[T] extends (...args: infer A) => unknown
  ? A extends []
    ? undefined
    : A[0] extends ((...args: never[]) => unknown) | undefined
      ? undefined
      : A[0]
  : never;

/** Whether the last argument of a signature is an acknowledgement that the sender may not leave out. */
export type TNeedsAnswer<Signature> = Signature extends (...args: infer A) => unknown
  ? A extends [...unknown[], infer Last]
    ? 0 extends 1 & Last
      ? false
      : Last extends (...args: never[]) => unknown
        ? true
        : false
    : false
  : false;

/** The acknowledgement of a signature of at most one payload: its last argument, if that is a function. Otherwise never. */
export type TAcknowledgement<Signature> = Signature extends (...args: infer A) => unknown
  ? Required<A> extends [infer Ack] | [unknown, infer Ack]
    ? 0 extends 1 & Ack
      ? never
      : Extract<Ack, (...args: never[]) => unknown>
    : never
  : never;
