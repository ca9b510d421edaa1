import { afterAll } from 'vitest';
import { stopAtEndOfFile } from './cleanup.js';
import { releasePorts } from './facts.js';

// A killed or interrupted test runner does not end its workers: they and their child processes would keep running.
process.once('disconnect', () => process.exit(1));

// Runs last, because hooks run in reverse order: the servers on the ports have stopped by then.
afterAll(releasePorts);
stopAtEndOfFile();
