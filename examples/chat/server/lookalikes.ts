import unhomoglyph from 'unhomoglyph';

/**
 * Two names look alike if they have one of these strings in common, such as "coco" and its twin in Cyrillic letters. They are
 * the skeletons of Unicode Technical Standard 39, once in small letters and once in capitals: the Cyrillic "НОС" looks like
 * "HOC" only in capitals, and names that differ only in case count as alike.
 */
export function skeletonsOf(name: string): [small: string, capitals: string] {
  return [skeletonOf(name.toLowerCase()), skeletonOf(name.toUpperCase())];
}

/** The dot of these letters disappears below a mark, so a second dot looks like the only one. */
const DOTTED_TWICE = /([ij]\p{M}*?)\u0307/gu;

/** `unhomoglyph` has the table of Unicode's confusables. */
function skeletonOf(text: string): string {
  // Not in the table: the tatweel, which only lengthens an Arabic word, and two letters that are read as one.
  const plain = text.replaceAll('\u0640', '').replaceAll('vv', 'w').replaceAll('VV', 'W').normalize('NFD');
  return unhomoglyph(plain.replace(DOTTED_TWICE, '$1')).normalize('NFD').toLowerCase().replace(DOTTED_TWICE, '$1');
}
