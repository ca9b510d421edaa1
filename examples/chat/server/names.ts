import { MAX_NAME } from '../words.js';

/** Letters with up to three marks each, digits, spaces and `_-.`. A mark needs a letter to stand on. */
const ALLOWED = /^(?:\p{L}\p{M}{0,3}|[\p{Nd}_. -])+$/u;
const LETTER_OR_DIGIT = /[\p{L}\p{Nd}]/u;

/** Characters that are drawn as nothing, such as U+3164, U+115F, U+034F and U+FE0F. */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/u;

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

/** One expression for each script: its own characters, and those that no script owns. */
const ONE_SCRIPT = [...SCRIPTS.map((script) => [script]), ...MIXTURES].map((scripts) => {
  const own = scripts.map((script) => `\\p{Script_Extensions=${script}}`).join('');
  return new RegExp(`^(?:[${own}\\p{Script=Inherited}0-9_. -])+$`, 'u');
});

/**
 * Letters and digits that look alike, from the confusables of Unicode Standard 39: those of the scripts above. Letters that
 * look alike only as capitals are included, because case is ignored. `i`, `l` and `1` are one.
 */
const LOOKALIKES: Readonly<Record<string, string>> = {
  '2': 'ꝚƧꙄ',
  '3': 'ꞫȜƷꝪЗӠ',
  '5': 'Ƽ',
  '6': 'б',
  '8': '৪੪ȣȢ',
  '9': '੧୨৭൭Ꝯ',
  a: 'ɑαаΑАᴀ',
  b: 'вВΒʙƄЬꞴьƅ',
  c: 'ᴄсС',
  d: 'ԁԀᴅ',
  e: 'ꬲеҽΕЕᴇ',
  f: 'ꬵꞙẝքꞘϜꜰ',
  g: 'ɢɡᶃƍցԌ',
  h: 'нНΗʜһհ',
  i: 'lLʟ1ıɪɩιіꙇӏ١۱ƖǀΙІӀוןا',
  j: 'ϳјꞲͿЈᴊ',
  k: 'кΚКκᴋĸ',
  m: 'мМΜᴍʍϺ',
  n: 'ηɴոռΝ',
  o: '0०੦૦௦౦೦൦๐໐၀٥۵ᴏᴑꬽοσоჿօסهھہەഠဝ০୦ΟОՕዐଠ',
  p: 'ᴘᴩρрΡР',
  q: 'ԛգզԚ',
  r: 'ʀΓГгᴦꭇꭈƦ',
  s: 'ꜱƽѕЅՏ',
  t: 'тτᴛТΤ',
  u: 'ꞟᴜꭎꭒʋυսՍሀ',
  v: 'ᴠνѵט٧۷Ѵ',
  w: 'ωɯᴡѡԝաԜ',
  x: 'хꞳΧХ',
  y: 'ɣᶌʏỿꭚγуүყΥУҮ',
  z: 'ᴢΖ',
  ß: 'β',
  へ: 'ヘ',
  口: 'ロ',
  工: 'エ',
  力: 'カ',
  二: 'ニ',
  夕: 'タ',
  一: 'ー',
  ي: 'یى',
  ك: 'ک',
  ə: 'Әәǝ',
  ɛ: 'εєԑꞓԐЄ',
  ʌ: 'ᴧ',
  θ: 'ӨѲөѳ',
  λ: 'Ллᴫ',
  π: 'Ппᴨ',
  ς: 'ϛ',
  φ: 'ФфɸՓ',
  ψ: 'Ѱѱ',
  и: 'Ͷͷᴎ',
  я: 'ᴙ',
};

const LOOKS_LIKE = new Map(
  Object.entries(LOOKALIKES).flatMap(([plain, others]) => [...others].map((other): [string, string] => [other, plain])),
);

/** The name in its one spelling, or why it can't be a name, as a sentence for the person who chose it. */
export type Checked = { name: string } | { problem: string };

export function checkedName(value: unknown): Checked {
  // NFKC: an é may be one character or two, and an ﬁ is the letters f and i.
  const name = typeof value === 'string' ? value.normalize('NFKC').replace(/ +/g, ' ').trim() : '';
  if (INVISIBLE.test(name)) return { problem: 'Enter a name without invisible characters.' };
  const isAllowed = ALLOWED.test(name) && LETTER_OR_DIGIT.test(name) && [...name].length <= MAX_NAME;
  if (!isAllowed) {
    return { problem: `Enter a name of up to ${MAX_NAME} letters, digits, spaces, \`_\`, \`-\` or \`.\`` };
  }
  if (!ONE_SCRIPT.some((script) => script.test(name)))
    return { problem: 'Enter a name in the letters of one alphabet, such as Latin or Cyrillic.' };
  return { name };
}

/** Equal for two names that a person may take for each other, such as "coco" and its twin in Cyrillic letters. */
export function skeletonOf(name: string): string {
  // The tatweel lengthens an Arabic word, and is no letter.
  const plain = [...name.replaceAll('\u0640', '').normalize('NFD')]
    .map((character) => LOOKS_LIKE.get(character) ?? character)
    .join('');
  return plain.toLowerCase().replaceAll('rn', 'm').replaceAll('vv', 'w').normalize('NFC');
}
