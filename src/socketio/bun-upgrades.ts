import type { Wire } from '../ports/wire.js';
import type { BunConnection, BunTransport } from './bun-types.js';

/*
 * Upgrades of connections of `@socket.io/bun-engine` from polling to WebSocket. Each private member is used only if it is there;
 * without them an upgrade is the engine's own, with its defects.
 */

/** A timer that has ended, for code that only checks whether there is one. */
const EXPIRED = setTimeout(() => {}, 0);
clearTimeout(EXPIRED);

/** Transports whose probe was answered. */
const probed = new WeakSet<BunTransport>();

/** How long a client may take for its next packet after its probe was answered. */
const LAST_PACKET_MS = 2_000;

/** The latest upgrade of each connection, running or ended. */
export class BunUpgrades {
  readonly #changes = new WeakMap<Wire, { readonly connection: BunConnection; readonly transport: BunTransport }>();
  readonly #wires = new WeakMap<BunTransport, BunConnection>();

  /** Notes each transport that the connection may upgrade to, before the engine handles it. */
  notice(connection: BunConnection): void {
    const { _maybeUpgrade: plain } = connection;
    if (typeof plain !== 'function' || connection.transport.name !== 'polling') return;
    connection._maybeUpgrade = (transport) => {
      // The engine closes the transport of a second upgrade immediately.
      if (connection.upgradeState === 'not_upgraded') {
        this.#changes.set(connection, { connection, transport });
        this.#wires.set(transport, connection);
        takeOneProbe(connection, transport);
      }
      plain.call(connection, transport);
    };
  }

  /** The connection that has upgraded to a transport, or is upgrading to it. */
  wireOf(transport: BunTransport): BunConnection | undefined {
    return this.#wires.get(transport);
  }

  /**
   * Ends the upgrade of a connection that is gone. After the answer to its probe a client neither polls nor listens until it has
   * sent its next packet. If its WebSocket closed now, it would wait for its ping timeout. The engine closes it at that packet.
   */
  end(wire: Wire): void {
    const { connection, transport } = this.#changes.get(wire) ?? {};
    // Most upgrades end before that: a timer would only keep the connection in memory.
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

/** Ends a running upgrade and its timer. The engine does so at a packet that it does not expect. */
function abandonUpgrade(connection: BunConnection, transport: BunTransport): void {
  if (connection.upgradeState !== 'upgrading') return;
  transport.onPacket?.({ type: 'noop' });
  // Without this the engine would refuse every later upgrade.
  connection.upgradeState = 'not_upgraded';
}

/**
 * An upgrade needs one probe. The engine would start a timer for each further one, and answers would be buffered for a peer
 * that reads nothing. No budget counts them, because this transport has no connection yet.
 */
function takeOneProbe(connection: BunConnection, transport: BunTransport): void {
  const { onPacket: plain } = transport;
  if (typeof plain !== 'function') return;
  transport.onPacket = (packet) => {
    const isChanging = connection.transport !== transport;
    // The upgrade was abandoned, but the engine listens until the WebSocket has closed.
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
 * Lets an unrequested pong restart the time to the next ping, as on Node.js. Before its first ping the engine would start a
 * timer for each pong and lose the one before, so a client could make it hold any number of timers.
 */
export function expectPongs(connection: BunConnection): void {
  connection.pingTimeoutTimer ??= EXPIRED;
}
