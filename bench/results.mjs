import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { asMarkdown } from './table.mjs';

const README = new URL('README.md', import.meta.url);
const BEGIN = '<!-- results: written by npm run bench -->';
const END = '<!-- end of results -->';

const fileOf = (name) => new URL(`results/${name}.json`, import.meta.url);

/** Puts one scenario's results into the file of that name, where those of others stay with the machine and date they have. */
export function store(name, scenario) {
  const file = fileOf(name);
  const before = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).scenarios : [];
  const scenarios = [...before.filter((other) => other.name !== scenario.name), scenario];
  mkdirSync(new URL('.', file), { recursive: true });
  const inLines = (list) => list.map((entry) => `  ${JSON.stringify(entry)}`).join(',\n');
  const lines = scenarios.map(({ table, rows, ...rest }) => {
    const head = JSON.stringify(rest, undefined, 1).slice(0, -2);
    return `${head},\n "table": [\n${inLines(table)}\n ],\n "rows": [\n${inLines(rows)}\n ]\n}`;
  });
  writeFileSync(file, `{"scenarios": [\n${lines.join(',\n')}\n]}\n`);
  return scenarios;
}

/** The charts, and the tables in the README. */
export async function publish(scenarios) {
  const { writeCharts } = await import('./charts.mjs');
  writeCharts(scenarios);
  const text = readFileSync(README, 'utf8');
  const [head] = text.split(BEGIN);
  const [, tail = ''] = text.split(END);
  writeFileSync(README, `${head}${BEGIN}\n\n${scenarios.map(asMarkdown).join('\n\n')}\n\n${END}${tail}`);
}
