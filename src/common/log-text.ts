/** The longest line: a stack fits, a flood does not. */
const MOST_IN_LINE = 8_192;
/** The longest text of a peer within a line. */
const MOST_SHOWN = 200;
/** Control characters, line and paragraph separators, and characters that change the direction of text. */
const UNSAFE = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
/** The line breaks of a stack. Any other line break could fake a separate log line. */
const IN_STACK = /^\n {4}at /;

/** A text of a peer for a log line or an error: escaped and cut, because a peer may send anything. */
export function shown(text: string): string {
  const whole = text.length <= MOST_SHOWN ? text : `${text.slice(0, MOST_SHOWN)}… (${text.length} characters)`;
  return whole.replace(UNSAFE, escaped);
}

/** A whole log line. */
export function logLine(text: string): string {
  const whole = text.length <= MOST_IN_LINE ? text : `${text.slice(0, MOST_IN_LINE)}…`;
  return whole.replace(UNSAFE, (character, at: number) =>
    IN_STACK.test(whole.slice(at, at + 8)) ? character : escaped(character),
  );
}

function escaped(character: string): string {
  if (character === '\n') return '\\n';
  if (character === '\t') return '\\t';
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
