import fanOut from './fan-out.mjs';

export const scenarios = [fanOut];
