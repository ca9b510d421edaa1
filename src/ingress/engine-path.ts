/** A path in the form in which engine.io compares it with request targets. An empty path stands for Socket.IO's default. */
export function enginePath(path?: string, addTrailingSlash?: boolean): string {
  return `${(path || '/socket.io').replace(/\/$/, '')}${addTrailingSlash === false ? '' : '/'}`;
}
