import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import { bunProgram, pinned } from './program.mjs';

const ROOT = [
  'roomgate',
  'socket.io',
  'engine.io',
  'ws',
  '@socket.io/redis-adapter',
  '@socket.io/bun-engine',
  'ioredis',
];
const HERE = ['@venizia/ignis-helpers', '@nestjs/core', '@nestjs/platform-socket.io', 'socket.io'];

function versionIn(folder, name) {
  const place = name === 'roomgate' ? '../package.json' : `${folder}/node_modules/${name}/package.json`;
  try {
    return JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8')).version;
  } catch {
    return undefined;
  }
}

function output(command, args) {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}

/** The machine, and the versions of all measured programs. */
export function environment() {
  const bun = bunProgram();
  return {
    date: new Date().toISOString(),
    machine: {
      system: `${type()} ${release()}`,
      cpu: cpus()[0]?.model,
      cores: cpus().length,
      memory: `${Math.round(totalmem() / 2 ** 30)} GB`,
      pinned,
    },
    versions: {
      node: process.version,
      bun: bun && output(bun, ['--version']),
      redis: output('redis-server', ['--version'])?.match(/v=(\S+)/)?.[1],
      commit: output('git', ['rev-parse', '--short', 'HEAD']),
      ...Object.fromEntries(HERE.map((name) => [name, versionIn('.', name)])),
      ...Object.fromEntries(ROOT.map((name) => [name, versionIn('..', name)])),
    },
  };
}
