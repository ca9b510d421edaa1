/** Checked by the compiler, never run. `@ts-expect-error` marks code that must not compile. */
import type { BackplaneReport } from '../../src/backplane/reports.js';
import type { FanoutReport } from '../../src/fanout/reports.js';
import {
  type EmitterReport,
  type ISocketIOEmitterOptions,
  type ISocketIOServerBaseOptions,
  type Report,
  type ReportOf,
  SocketIOComponent,
} from '../../src/index.js';
import type { LogLines, Reporter } from '../../src/ports/reports.js';
import type { RoomsReport } from '../../src/rooms/reports.js';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Equal<A, B>): void {}

// The type of a report selects its fields.
type OnReport = NonNullable<ISocketIOServerBaseOptions['onReport']>;
export const count: OnReport = (report) => {
  same<typeof report, Report>(true);
  if (report.type === 'client_refused') same<typeof report.code, string>(true);
  if (report.type === 'backplane_reconnected') same<typeof report.dropped, number>(true);
  // @ts-expect-error: no report has this name
  if (report.type === 'client_is_fine') return;
  // @ts-expect-error: reports are read-only
  if (report.type === 'client_refused') report.code = 'mine';
  // @ts-expect-error: not every report has a client
  void report.client;
};
export const later: OnReport = async () => {};
// @ts-expect-error: there is only one parameter
export const two: OnReport = (_report: Report, _more: string) => {};
new SocketIOComponent({ authenticateFn: () => true, onReport: count });
// @ts-expect-error: expected a function
new SocketIOComponent({ authenticateFn: () => true, onReport: {} });

same<ReportOf<'client_refused'>['code'], string>(true);
same<
  ReportOf<'event_dropped'>['reason'],
  'unauthenticated' | 'too_deep' | 'too_many_arguments' | 'too_large' | 'reserved'
>(true);
same<
  ReportOf<'limit_reached'>['limit'],
  | 'held_events'
  | 'authentications_in_flight'
  | 'unauthenticated_connections'
  | 'unauthenticated_per_address'
  | 'connections_per_user'
  | 'messages_per_second'
  | 'failed_authentications'
>(true);
same<ReportOf<'client_too_slow'>['client'], string | undefined>(true);
// @ts-expect-error: no report has this name
export type None = ReportOf<'client_is_fine'>;

// The emitter shares some reports with the helper, so one function works for both.
export const ofEmitter: ISocketIOEmitterOptions['onReport'] = count;
export const each = (report: EmitterReport): Report => report;
// An emitter has no clients.
same<Extract<EmitterReport, { type: 'client_refused' }>, never>(true);

// A reporter of all reports works for every feature. A feature reports only its declared types.
declare const all: Reporter<Report>;
export const ofRooms: Reporter<RoomsReport> = all;
export const ofFanout: Reporter<FanoutReport> = all;
declare const backplane: Reporter<BackplaneReport>;
backplane({ type: 'backplane_subscription_replaced', silentMs: 1 });
// @ts-expect-error: the backplane does not report rooms
backplane({ type: 'rooms_joined', client: 'a', rooms: [] });
// @ts-expect-error: a reporter of some types is not a reporter of all
export const tooNarrow: Reporter<Report> = backplane;
// @ts-expect-error: this report has no log line
export const lines: LogLines<FanoutReport> = { fanout_fallback: ['warn', () => 'text'] };
