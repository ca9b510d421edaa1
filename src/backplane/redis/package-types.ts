/*
 * The types of the optional packages, in one place. The compiler of a project without these packages would report an error here,
 * in a declaration file that the project can't change. `@ts-ignore` prevents it: then these types are `any`. The comments have to
 * be of this form, because only these are copied into the declarations.
 */

// biome-ignore lint/suspicious/noTsIgnore: as above
/** @ts-ignore: `any` without @socket.io/redis-emitter */
export type { Emitter } from '@socket.io/redis-emitter';
// biome-ignore lint/suspicious/noTsIgnore: `@ts-expect-error` would be an error in projects that have the package
/** @ts-ignore: `any` without ioredis */
export type { Cluster, ClusterOptions, Redis } from 'ioredis';
