/** Event names to the signatures of their handlers, as in Socket.IO. */
// biome-ignore lint/suspicious/noExplicitAny: Socket.IO's own bound for its event maps
export type TEventsMap = { [event: string]: any };

/** The map that allows every name and every payload: the default. */
// biome-ignore lint/suspicious/noExplicitAny: Socket.IO's own default for its event maps
export type TLooseEvents = { [event: string]: (...args: any[]) => void };

/** The default type of `socket.data`. */
// biome-ignore lint/suspicious/noExplicitAny: Socket.IO's own default
export type TLooseData = any;

/** The topics that a map knows. Without a map: any string. */
export type TTopic<Map extends TEventsMap> = keyof Map & string;

/** The payload of a topic: the first argument of its signature. */
export type TPayload<Map extends TEventsMap, T extends keyof Map> = Map[T] extends (...args: infer A) => unknown
  ? A extends []
    ? undefined
    : A[0]
  : never;
