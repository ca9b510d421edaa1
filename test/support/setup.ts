import { stopAtEndOfFile } from './cleanup.js';

stopAtEndOfFile();
