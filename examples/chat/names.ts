/**
 * The rules for names. The page checks a name before it sends it, and the server checks every name again, so both use this
 * file.
 */
import { MAX_NAME } from './words.js';

/** Letters with up to three marks each, digits, spaces and `_-.`. A mark needs a letter before it. */
const ALLOWED = /^(?:\p{L}\p{M}{0,3}|[\p{Nd}_. -])+$/u;
const LETTER_OR_DIGIT = /[\p{L}\p{Nd}]/u;

/** Characters that are drawn as nothing, such as U+3164, U+115F, U+034F and U+FE0F. */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/u;

/**
 * Phonetic letters, such as small capitals: some look like ordinary letters, and Unicode's confusables do not have all of them.
 * The exceptions belong to alphabets of African languages.
 */
const PHONETIC = /[\u1d00-\u1dbf\ua720-\ua7ff\uab30-\uab6f]|(?![ɓɔɖɗəɛɣɨɩɲʃʉʊʋʌʒ])[\u0250-\u02af]/u;

/** The marks of ordinary alphabets that are not a part of their letter, from grave to macron below. */
const ORDINARY_MARKS = new Set(
  '\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u0309\u030a\u030b\u030c\u031b\u0323\u0324\u0326\u0327\u0328\u0331',
);

/** Unicode's blocks of marks for letters of any script. */
const MARK_BLOCKS = [
  [0x300, 0x36f],
  [0x483, 0x489],
  [0x1ab0, 0x1aff],
  [0x1dc0, 0x1dff],
  [0x20d0, 0x20ff],
  [0xfe20, 0xfe2f],
] as const;

/** Such as a short stroke through "A" or a dot beside "W": hard to see, and Unicode's confusables do not know such letters. */
function isUnusualMark(character: string): boolean {
  const code = character.codePointAt(0) ?? 0;
  return MARK_BLOCKS.some(([first, last]) => code >= first && code <= last) && !ORDINARY_MARKS.has(character);
}

/** The scripts that Unicode recommends for identifiers, from Standard Annex 31. */
const SCRIPTS = [
  ...['Arabic', 'Armenian', 'Bengali', 'Cyrillic', 'Devanagari', 'Ethiopic', 'Georgian', 'Greek', 'Gujarati'],
  ...['Gurmukhi', 'Hebrew', 'Kannada', 'Khmer', 'Lao', 'Latin', 'Malayalam', 'Myanmar', 'Oriya', 'Sinhala'],
  ...['Tamil', 'Telugu', 'Thaana', 'Thai', 'Tibetan'],
];

/** Japanese, Korean and Chinese names mix these. */
const MIXTURES = [
  ['Han', 'Hiragana', 'Katakana'],
  ['Han', 'Hangul'],
  ['Han', 'Bopomofo'],
];

/** One expression for each script: its own characters, and those that belong to no script. */
const ONE_SCRIPT = [...SCRIPTS.map((script) => [script]), ...MIXTURES].map((scripts) => {
  const own = scripts.map((script) => `\\p{Script_Extensions=${script}}`).join('');
  return new RegExp(`^(?:[${own}\\p{Script=Inherited}0-9_. -])+$`, 'u');
});

export const WRONG_NAME = `Enter a name of up to ${MAX_NAME} letters, digits, spaces, \`_\`, \`-\` or \`.\``;

/** The normalized name, or an error message for the person who chose it. */
export type CheckedName = { name: string } | { problem: string };

export function checkedName(value: unknown): CheckedName {
  // NFKC: an é may be one character or two, and an ﬁ is the letters f and i.
  const name = typeof value === 'string' ? value.normalize('NFKC').replace(/ +/g, ' ').trim() : '';
  const problem = problemOf(name);
  return problem === undefined ? { name } : { problem };
}

function problemOf(name: string): string | undefined {
  if (INVISIBLE.test(name)) return 'Enter a name without invisible characters.';
  const isAllowed = ALLOWED.test(name) && LETTER_OR_DIGIT.test(name) && [...name].length <= MAX_NAME;
  if (!isAllowed) return WRONG_NAME;
  if ([...name].some(isUnusualMark)) return 'Enter a name without unusual accents.';
  if (PHONETIC.test(name)) return 'Enter a name without phonetic letters.';
  if (ONE_SCRIPT.some((script) => script.test(name))) return undefined;
  return 'Enter a name in the letters of one alphabet, such as Latin or Cyrillic.';
}
