import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Wire } from '../ports/wire.js';
import type { EngineConnection, EngineTransport, EngineWebSocket } from './engine-types.js';
import { CLOSED } from './ready-states.js';
import { webSocketOf } from './web-sockets.js';

/*
 * Closes connections of engine.io. Each private member is used only if it is there. Without it engine.io's own closing remains,
 * which waits for the peer for up to 30 s.
 */

/** A WebSocket that can be terminated. */
type CuttableSocket = EngineWebSocket & Required<Pick<EngineWebSocket, 'terminate' | 'once'>>;

type ResettableStream = Duplex & Partial<Pick<Socket, 'resetAndDestroy'>>;

/** Closes a wire immediately, even if packets are queued or unread. */
export function closeNow(wire: Wire): void {
  const connection: EngineConnection = wire;
  connection.close(true);
}

/** The steps that end a wire, whatever its peer does. Each may call listeners of the program, which may throw. */
export function cuttingSteps(wire: Wire): readonly (() => void)[] {
  const { transport }: EngineConnection = wire;
  const { req, dataReq } = transport ?? {};
  return [
    () => closeNow(wire),
    () => cuttableOf(wire)?.terminate(),
    () => giveUpPolling(wire),
    () => void req?.socket.destroy(),
    () => void dataReq?.socket.destroy(),
  ];
}

/**
 * The steps that end a wire and drop what its peer has not read. A stream that is only destroyed still sends what the system holds;
 * one that is reset does not. TLS has no reset.
 */
export function abandoningSteps(wire: Wire): readonly (() => void)[] {
  const stream: ResettableStream | undefined = webSocketOf(wire)?._socket;
  const [close, ...others] = cuttingSteps(wire);
  const reset = (): void => {
    try {
      stream?.resetAndDestroy?.();
    } catch {
      stream?.destroy();
    }
  };
  return [() => close?.(), reset, ...others];
}

/** Calls `gone` once the WebSocket of a closed wire is closed too; immediately if there is none. */
export function onceGone(wire: Wire, gone: () => void): void {
  const webSocket = cuttableOf(wire);
  if (webSocket === undefined || webSocket.readyState === CLOSED) gone();
  else webSocket.once('close', gone);
}

/** Ends the wait of a closing polling transport: it waits 30 s for a poll, even if its connection is gone. */
export function giveUpPolling(wire: Wire): void {
  const { transport }: EngineConnection = wire;
  giveUp(transport);
}

/** The same for the polling transport that a wire has left by an upgrade: nothing else would end its wait. */
export function giveUpPollingOnUpgrade(wire: Wire): void {
  const { transport }: EngineConnection = wire;
  wire.once('upgrade', () => giveUp(transport));
}

function giveUp(transport: EngineTransport | undefined): void {
  if (typeof transport?.shouldClose === 'function') transport.shouldClose();
}

function cuttableOf(wire: Wire): CuttableSocket | undefined {
  const webSocket = webSocketOf(wire);
  return isCuttable(webSocket) ? webSocket : undefined;
}

function isCuttable(socket: EngineWebSocket | undefined): socket is CuttableSocket {
  return typeof socket?.terminate === 'function' && typeof socket.once === 'function';
}
