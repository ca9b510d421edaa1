import { afterAll } from 'vitest';
import { stopAtEndOfFile } from './cleanup.js';
import { releasePorts } from './facts.js';

// A runner that was killed, or ended by Ctrl-C, does not end its workers: they and what they started would live on.
process.once('disconnect', () => process.exit(1));

// Last of all, as hooks run in the reverse order: what listens there has ended by then.
afterAll(releasePorts);
stopAtEndOfFile();
