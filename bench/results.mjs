import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { asMarkdown } from './table.mjs';

const README = new URL('README.md', import.meta.url);
const BEGIN = '<!-- results: written by npm run bench -->';
const END = '<!-- end of results -->';

const fileOf = (name) => new URL(`results/${name}.json`, import.meta.url);

const cellsOf = ({ table }) => new Set(table.map(({ cell }) => cell));
const madeOn = ({ environment: { machine, versions } }) => JSON.stringify([machine, versions]);

/** Keeps earlier results of cells that were not measured this time, if the machine, the versions and the commit are the same. */
function withOtherCells(now, before) {
  if (before === undefined || madeOn(before) !== madeOn(now)) return now;
  const measured = cellsOf(now);
  const others = (list) => list.filter(({ cell }) => cell !== undefined && !measured.has(cell));
  return { ...now, table: [...others(before.table), ...now.table], rows: [...others(before.rows), ...now.rows] };
}

/** Stores one scenario's results in the file of that name. Other scenarios keep their machine and date. */
export function store(name, scenario) {
  const file = fileOf(name);
  const before = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).scenarios : [];
  const isOther = (other) => other.name !== scenario.name;
  const own = before.find((other) => !isOther(other));
  const scenarios = [...before.filter(isOther), withOtherCells(scenario, own)];
  mkdirSync(new URL('.', file), { recursive: true });
  const inLines = (list) => list.map((entry) => `  ${JSON.stringify(entry)}`).join(',\n');
  const lines = scenarios.map(({ table, rows, ...rest }) => {
    const head = JSON.stringify(rest, undefined, 1).slice(0, -2);
    return `${head},\n "table": [\n${inLines(table)}\n ],\n "rows": [\n${inLines(rows)}\n ]\n}`;
  });
  writeFileSync(file, `{"scenarios": [\n${lines.join(',\n')}\n]}\n`);
  return scenarios;
}

/** Writes the charts, and the tables in the README. */
export async function publish(scenarios) {
  const { writeCharts } = await import('./charts.mjs');
  writeCharts(scenarios);
  const text = readFileSync(README, 'utf8');
  const [head] = text.split(BEGIN);
  const [, tail = ''] = text.split(END);
  writeFileSync(README, `${head}${BEGIN}\n\n${scenarios.map(asMarkdown).join('\n\n')}\n\n${END}${tail}`);
}
