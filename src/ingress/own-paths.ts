import type { Server as HttpServer } from 'node:http';

/** The paths of the instances that are attached to an HTTP server, in the form in which engines compare them. */
const paths = new WeakMap<HttpServer, Set<string>>();
/** Listeners of `upgrade` that these instances added. */
const upgrades = new WeakSet<object>();

/** Returns a function that takes the path back. */
export function addOwnPath(server: HttpServer, path: string): () => void {
  const own = paths.get(server) ?? new Set();
  paths.set(server, own.add(path));
  return () => void own.delete(path);
}

export function noteUpgradeListener(listener: object): void {
  upgrades.add(listener);
}

/** Whether an instance answers the requests of this target. */
export function isOwnTarget(server: HttpServer, target: string | undefined): boolean {
  for (const path of paths.get(server) ?? []) if (target?.startsWith(path)) return true;
  return false;
}

/** Whether an upgrade has no listener that could take it. The application may add listeners at any time. */
export function isUnclaimed(server: HttpServer, target: string | undefined): boolean {
  return !isOwnTarget(server, target) && server.listeners('upgrade').every((one) => upgrades.has(one));
}
