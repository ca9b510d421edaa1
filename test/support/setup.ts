import { stopAtEndOfFile } from './cleanup.js';

// A runner that was killed, or ended by Ctrl-C, does not end its workers: they and what they started would live on.
process.once('disconnect', () => process.exit(1));

stopAtEndOfFile();
