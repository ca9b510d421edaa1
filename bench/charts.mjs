import { mkdirSync, writeFileSync } from 'node:fs';
import { init } from 'echarts';

/** Readable on a white and on a dark page: contrast above 4 with both. */
const INK = '#707a85';
const OURS = '#3b82f6';
const OTHERS = '#9aa4af';

const FAN_OUT = ['plain', 'nest', 'ignis', 'bun-engine', 'ws', 'bun-native', 'roomgate', 'roomgate-bun'];
const LIBRARIES = ['plain', 'nest', 'ignis', 'bun-engine', 'roomgate', 'roomgate-bun'];
const ON_REDIS = ['plain-redis', 'ignis', 'roomgate-redis', 'roomgate-bun-redis'];

const CHARTS = [
  {
    file: 'fan-out',
    scenario: 'fan-out',
    cell: '1000 clients, 128 B, 10 per tick',
    title: 'Sending to a room of 1 000, 10 messages per tick',
    axis: 'µs of server CPU per delivered message',
    variants: FAN_OUT,
  },
  {
    file: 'chat',
    scenario: 'chat',
    title: 'Chat: 50 talk, 200 listen',
    axis: 'µs of server CPU per delivered message',
    variants: FAN_OUT,
  },
  {
    file: 'connect',
    scenario: 'connect',
    title: 'Connecting and authenticating',
    axis: 'µs of server CPU per client',
    variants: LIBRARIES,
  },
  {
    file: 'idle',
    scenario: 'idle',
    metric: 'heap',
    title: 'Memory of an idle authenticated client',
    axis: 'KB of heap per client',
    variants: LIBRARIES,
  },
  {
    file: 'keep-alive',
    scenario: 'keep-alive',
    title: 'Keep-alive: a ping to each of 1 000 clients',
    axis: 'µs of server CPU per ping',
    variants: LIBRARIES,
  },
  {
    file: 'two-instances',
    scenario: 'two-instances',
    cell: '1000 clients, 128 B, 10 per tick',
    title: 'Receiving through Redis, 10 messages per tick',
    axis: 'µs of server CPU per delivered message',
    variants: ON_REDIS,
  },
];

function optionsOf({ title, axis }, bars) {
  const text = { color: INK, fontFamily: 'sans-serif', fontSize: 13 };
  // Text can't be measured without a browser: a letter is 8 pixels wide at most.
  const margin = 16 + 8 * Math.max(...bars.map((bar) => bar.title.length));
  return {
    animation: false,
    textStyle: text,
    title: { text: title, left: 'center', top: 6, textStyle: { ...text, fontSize: 15, fontWeight: 'bold' } },
    grid: { left: margin, right: 60, top: 40, bottom: 54 },
    xAxis: {
      type: 'value',
      name: axis,
      nameLocation: 'middle',
      nameGap: 28,
      nameTextStyle: text,
      axisLabel: text,
      splitLine: { lineStyle: { color: INK, opacity: 0.25 } },
    },
    yAxis: {
      type: 'category',
      inverse: true,
      data: bars.map(({ title }) => title),
      axisLabel: text,
      axisTick: { show: false },
      axisLine: { lineStyle: { color: INK } },
    },
    series: [
      {
        type: 'bar',
        barWidth: '62%',
        label: { show: true, position: 'right', ...text },
        data: bars.map(({ value, ours }) => ({
          value: Number(value.toPrecision(3)),
          itemStyle: { color: ours ? OURS : OTHERS, borderRadius: 2 },
        })),
      },
    ],
  };
}

function barsOf({ cell, metric = 'cpu', variants }, { table }) {
  return variants.flatMap((variant) => {
    const entry = table.find((row) => row.variant === variant && (cell === undefined || row.cell === cell));
    const value = entry?.[metric]?.median;
    return value === undefined ? [] : [{ title: entry.title, value, ours: variant.startsWith('roomgate') }];
  });
}

/** Writes a chart for each measured scenario; each bar is the median of the rounds. */
export function writeCharts(scenarios) {
  const folder = new URL('charts/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  for (const chart of CHARTS) {
    const measured = scenarios.find(({ name }) => name === chart.scenario);
    const bars = measured ? barsOf(chart, measured) : [];
    if (bars.length === 0) continue;
    const drawing = init(null, null, { renderer: 'svg', ssr: true, width: 720, height: 94 + 30 * bars.length });
    drawing.setOption(optionsOf(chart, bars));
    const svg = drawing.renderToSVGString();
    const named = svg.replace(/<svg ([^>]*)>/, `<svg role="img" $1>\n<title>${chart.title}: ${chart.axis}</title>`);
    writeFileSync(new URL(`${chart.file}.svg`, folder), `${named}\n`);
    drawing.dispose();
  }
}
