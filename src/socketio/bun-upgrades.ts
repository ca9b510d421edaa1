import type { Wire } from '../ports/wire.js';
import type { BunConnection, BunTransport } from './bun-types.js';

/*
 * How connections of `@socket.io/bun-engine` change from polling to WebSocket. Each private field is used only where it is found;
 * without them a change is the engine's own, with its faults.
 */

/** A timer that is over, for code that only asks whether there is one. */
const EXPIRED = setTimeout(() => {}, 0);
clearTimeout(EXPIRED);

/** Transports whose probe was answered. */
const probed = new WeakSet<BunTransport>();

/** How long a client may take for its next packet, once its probe was answered. */
const LAST_PACKET_MS = 2_000;

/** Changes to WebSocket that are under way, or were: of each connection the last one. */
export class BunUpgrades {
  readonly #changes = new WeakMap<Wire, { readonly connection: BunConnection; readonly transport: BunTransport }>();
  readonly #wires = new WeakMap<BunTransport, BunConnection>();

  /** Notices each transport that the connection may change to, before the engine deals with it. */
  notice(connection: BunConnection): void {
    const { _maybeUpgrade: plain } = connection;
    if (typeof plain !== 'function' || connection.transport.name !== 'polling') return;
    connection._maybeUpgrade = (transport) => {
      // The engine closes a second one at once.
      if (connection.upgradeState === 'not_upgraded') {
        this.#changes.set(connection, { connection, transport });
        this.#wires.set(transport, connection);
        takeOneProbe(connection, transport);
      }
      plain.call(connection, transport);
    };
  }

  /** The connection that has changed to a transport, or may. */
  wireOf(transport: BunTransport): BunConnection | undefined {
    return this.#wires.get(transport);
  }

  /**
   * Ends the change of a connection that is gone. A client whose probe was answered neither polls nor listens before it has sent
   * the next packet, and were its WebSocket closed now it would wait for its ping timeout: the engine closes it at that packet.
   */
  end(wire: Wire): void {
    const { connection, transport } = this.#changes.get(wire) ?? {};
    // Most changes are over by then: a timer would keep the connection for nothing.
    if (connection === undefined || transport === undefined || connection.upgradeState !== 'upgrading') return;
    if (probed.has(transport)) setTimeout(() => abandonUpgrade(connection, transport), LAST_PACKET_MS).unref();
    else abandonUpgrade(connection, transport);
  }

  /** The WebSocket of a transport is closed. */
  closed(transport: BunTransport): void {
    const connection = this.#wires.get(transport);
    if (connection !== undefined && connection.transport !== transport) abandonUpgrade(connection, transport);
  }
}

/** Ends a change to WebSocket that is under way, with its timer: the engine does so for a packet that it doesn't expect. */
function abandonUpgrade(connection: BunConnection, transport: BunTransport): void {
  if (connection.upgradeState !== 'upgrading') return;
  transport.onPacket?.({ type: 'noop' });
  // The engine itself would refuse every later one.
  connection.upgradeState = 'not_upgraded';
}

/**
 * A change of transport takes one probe. The engine arms a timer for each, and its answers would wait for a peer that reads
 * nothing, where nobody counts them: this transport has no connection yet.
 */
function takeOneProbe(connection: BunConnection, transport: BunTransport): void {
  const { onPacket: plain } = transport;
  if (typeof plain !== 'function') return;
  transport.onPacket = (packet) => {
    const isChanging = connection.transport !== transport;
    // Given up: the engine listens on, until the WebSocket has closed.
    if (isChanging && connection.upgradeState !== 'upgrading') return;
    const isProbe = isChanging && packet.type === 'ping' && packet.data === 'probe';
    if (isProbe && probed.has(transport)) {
      abandonUpgrade(connection, transport);
      return;
    }
    if (isProbe) probed.add(transport);
    plain.call(transport, packet);
  };
}

/**
 * Lets a pong that nobody asked for renew the time to the next ping, as on Node.js: before its first ping the engine makes a
 * timer of each, and forgets the one before, so that a client could make it hold any number.
 */
export function expectPongs(connection: BunConnection): void {
  connection.pingTimeoutTimer ??= EXPIRED;
}
