import type { IncomingHttpHeaders } from 'node:http';
import ipaddr from 'ipaddr.js';
import type { Reporter } from '../ports/reports.js';
import type { Wire } from '../ports/wire.js';
import { openingHeaders } from '../socketio/engine-request.js';
import type { IngressReport } from './reports.js';

/** The one header that is read. `X-Real-IP`, `Forwarded` and others are ignored. */
const HEADER = 'x-forwarded-for';
/** No address with a zone and a port is longer. */
const LONGEST_ENTRY = 80;
/** `1.2.3.4:5678`, and `[::1]` with or without a port. */
const WITH_PORT = /^(?:([\d.]+):\d{1,5}|\[([^\]]*)\](?::\d{1,5})?)$/;
/** An IPv6 client usually has a whole network of this size to itself. */
const NETWORK_BITS = 64;
const GROUPS = NETWORK_BITS / 16;
/** Networks of 96 bits, with an IPv4 address behind them: of NAT64 (RFC 6052), and of SIIT (RFC 7915). */
const TRANSLATED = ['64:ff9b::', '::ffff:0:0:0'].map((network) => ipaddr.IPv6.parse(network));
/** Addresses that a proxy of the program's own network may have. */
const PRIVATE: ReadonlySet<string> = new Set([
  ...['loopback', 'private', 'linkLocal', 'uniqueLocal', 'carrierGradeNat', 'unspecified'],
]);

export interface ClientAddressesOptions {
  /** The option `trustedHops`; undefined if the program has not set it. */
  readonly trustedHops: number | undefined;
  readonly report: Reporter<IngressReport>;
}

/** An address in the form in which limits count it. */
interface Address {
  /** An IPv4 address, or the /64 network of an IPv6 address. */
  readonly key: string;
  readonly isPrivate: boolean;
}

/**
 * The addresses of clients, for limits. An address is known only if the client could not choose it, and if it is not that of a proxy
 * that many clients share: otherwise one client could use up the limit of all the others.
 */
export class ClientAddresses {
  readonly #trustedHops: number | undefined;
  readonly #report: Reporter<IngressReport>;
  #hasWarned = false;

  constructor({ trustedHops, report }: ClientAddressesOptions) {
    this.#trustedHops = trustedHops;
    this.#report = report;
  }

  /**
   * The known address of a client. Undefined: a proxy may stand before it. Then no limit that is on by default counts addresses.
   */
  known(wire: Wire): string | undefined {
    if (this.#trustedHops !== undefined) return this.#behind(this.#trustedHops, wire);
    const peer = addressOf(wire.remoteAddress);
    return peer?.isPrivate === false ? peer.key : undefined;
  }

  /**
   * The address for a limit that the program has set itself. As `known()`, and a peer in a private network is known by its own
   * address, unless its request says that it came through a proxy.
   */
  counted(wire: Wire): string | undefined {
    const known = this.known(wire);
    if (known !== undefined || this.#trustedHops !== undefined || forwardedFor(wire) !== undefined) return known;
    return addressOf(wire.remoteAddress)?.key;
  }

  /** Warns once if a request came through a proxy that the program has not named. Called with each new connection. */
  notice(wire: Wire): void {
    if (this.#hasWarned || this.#trustedHops !== undefined || forwardedFor(wire) === undefined) return;
    // A client at a public address can send any header.
    if (addressOf(wire.remoteAddress)?.isPrivate === false) return;
    this.#hasWarned = true;
    this.#report({ type: 'proxy_unknown', header: 'X-Forwarded-For', option: 'trustedHops' });
  }

  #behind(hops: number, wire: Wire): string | undefined {
    const text = hops === 0 ? wire.remoteAddress : entryFromRight(forwardedFor(wire) ?? '', hops);
    return addressOf(text)?.key;
  }
}

/** All lines of the header in one, as Node.js and Bun join them. */
function forwardedFor(wire: Wire): string | undefined {
  const headers: IncomingHttpHeaders | undefined = openingHeaders(wire);
  const value = headers?.[HEADER];
  return Array.isArray(value) ? value.join(',') : value;
}

/**
 * The n-th entry from the right: each proxy appends the address that it was called from. Empty entries count, because the client could
 * have sent what is left of them.
 */
function entryFromRight(list: string, n: number): string | undefined {
  let end = list.length;
  for (let hop = 1; hop < n; hop++) {
    end = list.lastIndexOf(',', end - 1);
    if (end <= 0) return undefined;
  }
  return list.slice(list.lastIndexOf(',', end - 1) + 1, end);
}

/** Undefined unless it is one address, without a name, a list or anything else around it. */
export function addressOf(given: string | undefined): Address | undefined {
  if (given === undefined || given.length > LONGEST_ENTRY) return undefined;
  const text = given.trim();
  const [, ofIPv4, ofIPv6] = WITH_PORT.exec(text) ?? [];
  const address = parsed(ofIPv4 ?? ofIPv6 ?? text);
  if (address === undefined) return undefined;
  return { key: keyOf(address), isPrivate: PRIVATE.has(address.range()) };
}

type Parsed = ipaddr.IPv4 | ipaddr.IPv6;

function parsed(text: string): Parsed | undefined {
  // Four decimal numbers only: `127.1` and `010.0.0.1` mean different addresses to different programs.
  if (!text.includes(':')) return ipaddr.IPv4.isValidFourPartDecimal(text) ? ipaddr.IPv4.parse(text) : undefined;
  const [withoutZone = ''] = text.split('%', 1);
  if (!ipaddr.IPv6.isValid(withoutZone)) return undefined;
  const address = ipaddr.IPv6.parse(withoutZone);
  if (address.isIPv4MappedAddress()) return address.toIPv4Address();
  return isTranslated(address) ? new ipaddr.IPv4(address.toByteArray().slice(-4)) : address;
}

/** The address of an IPv4 client, translated by NAT64 or SIIT. All of them have one /64 network. */
function isTranslated(address: ipaddr.IPv6): boolean {
  return TRANSLATED.some((network) => address.match(network, 96));
}

function keyOf(address: Parsed): string {
  if (address.kind() === 'ipv4') return address.toString();
  const { parts } = address as ipaddr.IPv6;
  const network = parts.map((part, index) => (index < GROUPS ? part : 0));
  return `${new ipaddr.IPv6(network).toString()}/${NETWORK_BITS}`;
}
