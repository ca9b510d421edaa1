import unhomoglyph from 'unhomoglyph';

/** Everybody who signs in is compared with everybody who is online, so the last results are kept. */
const SKELETONS = new Map<string, [string, string]>();
const MOST_SKELETONS = 10_000;

/**
 * Two names look alike if they have one of these strings in common, such as "coco" and its twin in Cyrillic letters. They are
 * the skeletons of Unicode Technical Standard 39, once in small letters and once in capitals: the Cyrillic "НОС" looks like
 * "HOC" only in capitals, and names that differ only in case count as alike.
 */
export function skeletonsOf(name: string): [small: string, capitals: string] {
  const known = SKELETONS.get(name) ?? [skeletonOf(name.toLowerCase()), skeletonOf(name.toUpperCase())];
  if (SKELETONS.size >= MOST_SKELETONS) SKELETONS.clear();
  SKELETONS.set(name, known);
  return known;
}

export function lookAlike(one: string, other: string): boolean {
  return skeletonsOf(one).some((skeleton) => skeletonsOf(other).includes(skeleton));
}

/** The dot of these letters disappears below a mark, so a second dot looks like the only one. */
const DOTTED_TWICE = /([ij]\p{M}*?)\u0307/gu;

/** `unhomoglyph` has the table of Unicode's confusables. */
function skeletonOf(text: string): string {
  // Not in the table: the tatweel, which only lengthens an Arabic word, and two letters that are read as one.
  const plain = text.replaceAll('\u0640', '').replaceAll('vv', 'w').replaceAll('VV', 'W').normalize('NFD');
  return unhomoglyph(plain.replace(DOTTED_TWICE, '$1')).normalize('NFD').toLowerCase().replace(DOTTED_TWICE, '$1');
}
