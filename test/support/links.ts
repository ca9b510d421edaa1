const FENCED = /^( *)(`{3,}|~{3,}).*?^ *\2[`~]*[ \t]*$/gms;
const CODE_SPAN = /(`+)(?!`).*?[^`]\1(?!`)/gs;
const REMOTE = /^(?:[a-z][a-z\d+.-]*:|\/\/)/i;
/** A target in parentheses after `]`, with an optional title. Brackets in the text don't matter. */
const INLINE = /(?<=\])\(\s*<?([^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*)>?(?:\s+(?:"[^"]*"|'[^']*'))?\s*\)/;
const REFERENCE = /^ {0,3}\[[^\]]+\]:\s*<?([^\s>]+)>?/;
const ATTRIBUTE = /<(?:a|img|source)\b[^>]*?\s(?:href|src|srcset)="([^"\s]+)[^"]*"/;
const LINK = new RegExp([INLINE.source, REFERENCE.source, ATTRIBUTE.source].join('|'), 'gm');
const HEADING =
  /^ {0,3}#{1,6}[ \t]+(.+?)[ \t]*#*$|^(?! {0,3}[|>#-])(.+)\n(?:=+|-+)[ \t]*$|<a\b[^>]*?\s(?:id|name)="([^"]+)"/gm;

/**
 * Relative links of a Markdown document, in order: links, references, images, and HTML's `href`, `src` and `srcset`.
 */
export function linksOf(markdown: string): readonly string[] {
  const text = markdown
    .replace(FENCED, '')
    .replace(/\\[\][`\\]/g, '')
    .replace(CODE_SPAN, '');
  const targets = [...text.matchAll(LINK)].map(
    ([, inline, reference, attribute]) => inline ?? reference ?? attribute ?? '',
  );
  return targets.filter((target) => target !== '' && !REMOTE.test(target));
}

/** The anchors that GitHub creates for the headings of a Markdown document, and those in its HTML. */
export function anchorsOf(markdown: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const [, atx, underlined, named] of markdown.replace(FENCED, '').matchAll(HEADING)) {
    if (named === undefined) anchors.add(unused(anchors, slugOf(atx ?? underlined ?? '')));
    else anchors.add(named);
  }
  return anchors;
}

function slugOf(heading: string): string {
  const text = heading.replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/<[^>]+>/g, '');
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '')
    .trim()
    .replaceAll(' ', '-');
}

function unused(anchors: ReadonlySet<string>, slug: string): string {
  let name = slug;
  for (let count = 1; anchors.has(name); count += 1) name = `${slug}-${count}`;
  return name;
}
