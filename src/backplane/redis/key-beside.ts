/** A key of its own in the same slot: Redis Cluster uses only the part in braces. */
export function keyBeside(key: string, name: string): string {
  const hasTag = /^[^{]*\{[^}]+\}/.test(key);
  return hasTag ? `${key}:${name}` : `roomgate:{${key}}:${name}`;
}
