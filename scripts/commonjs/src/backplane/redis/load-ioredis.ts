export function loadIoredis(): typeof import('ioredis') {
  return require('ioredis') as typeof import('ioredis');
}
