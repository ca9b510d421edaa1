/** Without invisible characters and direction marks, which could make an address look like another one. */
const ADDRESS = /https?:\/\/[^\s<>"\p{C}]+/giu;
/** Punctuation behind an address that belongs to the sentence. */
const TRAILING = /[.,;:!?…'”’»)\]}*_]+$/u;

export interface Piece {
  readonly text: string;
  /** Where the text leads, if it is a link. */
  readonly href?: string;
  /** The host, if the text does not show it as it is, such as "xn--80ak6aa92e.com" for its Cyrillic letters. */
  readonly host?: string;
}

/** A text in pieces. Those that are addresses of the web have an `href`; their texts together are the text. */
export function piecesOf(text: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const { 0: match, index } of text.matchAll(ADDRESS)) {
    const address = withoutTrailing(match);
    const url = urlOf(address);
    if (url === undefined) continue;
    if (index > end) pieces.push({ text: text.slice(end, index) });
    pieces.push({ text: address, href: url.href, ...(showsHost(address, url) ? {} : { host: url.host }) });
    end = index + address.length;
  }
  if (end < text.length) pieces.push({ text: text.slice(end) });
  return pieces;
}

function withoutTrailing(match: string): string {
  const address = match.replace(TRAILING, '');
  // "https://example.com/a_(b)" ends with its own bracket.
  return address.includes('(') && match[address.length] === ')' ? `${address})` : address;
}

function urlOf(address: string): URL | undefined {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  // "https://bank.example@evil.example" leads to evil.example.
  const isPlain = url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
  return isPlain ? url : undefined;
}

/** Browsers read letters of any script, full-width characters and numbers such as "0x7f.1" as a host. */
function showsHost(address: string, { host }: URL): boolean {
  const shown = address.slice(address.indexOf('//') + 2).toLowerCase();
  // The default port is not a part of the host.
  return shown.startsWith(host) && /^(?::\d*)?(?:[/?#]|$)/.test(shown.slice(host.length));
}
