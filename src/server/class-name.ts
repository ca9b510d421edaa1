/** The classes that a program can write. A component has a helper, whose errors must name the component. */
export type ClassName = 'SocketIOServerHelper' | 'SocketIOComponent';

const components = new WeakSet<object>();

/** From now on a helper that is made with `options` belongs to a component. */
export function ownByComponent(options: object): void {
  components.add(options);
}

/** The class that the program wrote to get a helper with `options`. */
export function classNameOf(options: object): ClassName {
  return components.has(options) ? 'SocketIOComponent' : 'SocketIOServerHelper';
}
