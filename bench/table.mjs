const sorted = (values) => [...values].sort((a, b) => a - b);

export function spread(values) {
  const all = sorted(values.filter((value) => Number.isFinite(value)));
  if (all.length === 0) return undefined;
  const half = (all.length - 1) / 2;
  return { min: all[0], median: (all[Math.floor(half)] + all[Math.ceil(half)]) / 2, max: all.at(-1) };
}

/** Compares round by round with the base, so that a drift of the machine affects both. */
function ratios(rows, base, key) {
  const ofRound = new Map(base.map((row) => [row.round, row[key]]));
  return spread(rows.map((row) => row[key] / ofRound.get(row.round)));
}

const BASES = ['plain', 'plain-redis'];

/**
 * One entry per cell and variant: min, median and max of every metric, and the ratios to plain Socket.IO and Bun's
 * publish.
 */
export function summarize(scenario, rows) {
  const known = [...new Set(rows.map((row) => row.cell))].filter((cell) => cell !== undefined);
  const cells = known.length > 0 ? known : ['no figures'];
  const names = [...new Set(rows.map((row) => row.variant))];
  const base = BASES.find((name) => name === (scenario.base ?? 'plain') && names.includes(name));
  return cells.flatMap((cell) =>
    names.map((variant) => {
      const mine = rows.filter((row) => row.cell === cell && row.variant === variant && !row.broken);
      const of = (name) => rows.filter((row) => row.cell === cell && row.variant === name && !row.broken);
      const broken = rows.find((row) => row.variant === variant && row.broken && (row.cell ?? cell) === cell)?.broken;
      const entry = {
        cell,
        variant,
        title: rows.find((row) => row.variant === variant).title,
        broken,
        rounds: mine.length,
      };
      for (const { key, ratio } of scenario.metrics) {
        entry[key] = spread(mine.map((row) => row[key]));
        if (!ratio || mine.length === 0) continue;
        entry.ratios ??= {};
        entry.ratios[key] = ratios(mine, base ? of(base) : [], key);
        entry.native ??= {};
        entry.native[key] = ratios(mine, of('bun-native'), key);
      }
      return entry;
    }),
  );
}

const three = (value, digits) =>
  value ? `${value.min.toFixed(digits)} / ${value.median.toFixed(digits)} / ${value.max.toFixed(digits)}` : '-';

function columns(scenario) {
  return scenario.metrics.flatMap(({ key, label, digits, ratio, spread: all = ratio }) => [
    { label, of: (entry) => (all ? three(entry[key], digits) : (entry[key]?.median.toFixed(digits) ?? '-')) },
    ...(ratio
      ? [
          { label: 'ratio to plain', of: (entry) => three(entry.ratios?.[key], 3) },
          { label: "to Bun's publish", of: (entry) => three(entry.native?.[key], 2) },
        ]
      : []),
  ]);
}

/** Cells without any result still show which variant could not be measured, and why. */
function linesOf(entries, shown) {
  const head = ['', ...shown.map(({ label }) => label)];
  const body = entries.map((entry) => [
    entry.title,
    ...(entry.rounds ? shown.map(({ of }) => of(entry)) : [`not measured: ${entry.broken}`]),
  ]);
  const widths = head.map((label, column) =>
    Math.max(label.length, ...body.filter((line) => line.length === head.length).map((line) => line[column].length)),
  );
  widths[0] = Math.max(...body.map(([title]) => title.length));
  return [head, ...body].map((line) =>
    line
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** Above this share of the server's CPU, the load may limit the result. */
const ONLOOKER = 0.8;

/** Notes below a cell: failed rounds, and variants limited by the load. */
export function remarksOn(entries) {
  const failed = entries.filter(({ rounds, broken }) => rounds && broken);
  const bound = entries.filter(
    ({ busy, serverBusy }) => busy && serverBusy && busy.median > ONLOOKER * serverBusy.median,
  );
  return [
    ...failed.map(({ title, broken }) => `${title}: a round is missing: ${broken}`),
    ...(bound.length > 0
      ? [`The load worked as hard as the server, and bounds latency: ${bound.map(({ title }) => title).join(', ')}.`]
      : []),
  ];
}

export function printTables(scenario, table) {
  console.log(`\n${scenario.title}  (min / median / max of the rounds; ratios are round by round)`);
  for (const cell of new Set(table.map((entry) => entry.cell))) {
    const entries = table.filter((entry) => entry.cell === cell);
    const shown = columns(scenario).filter(({ of }) => entries.some((entry) => of(entry) !== '-'));
    console.log(`\n  ${cell}`);
    for (const line of linesOf(entries, shown)) console.log(`    ${line}`);
    for (const remark of remarksOn(entries)) console.log(`    ${remark}`);
  }
}

const cellsOf = (line) => `| ${line.join(' | ')} |`;

function markdownOf(scenario, table, cell) {
  const entries = table.filter((entry) => entry.cell === cell);
  const shown = columns(scenario).filter(({ of }) => entries.some((entry) => of(entry) !== '-'));
  const body = entries.map((entry) => {
    const figures = shown.map(({ of }) => of(entry));
    if (!entry.rounds)
      return cellsOf([entry.title, `not measured: ${entry.broken.split('\n')[0]}`, ...figures.slice(1)]);
    return cellsOf([entry.title, ...figures]);
  });
  const head = cellsOf([cell, ...shown.map(({ label }) => label)]);
  const remarks = remarksOn(entries).flatMap((remark) => ['', remark]);
  return [head, cellsOf(['---', ...shown.map(() => '---')]), ...body, ...remarks].join('\n');
}

/** The same tables for the README, with the machine they were measured on. */
export function asMarkdown({ environment: { date, machine, versions }, rounds, table, ...scenario }) {
  const on = `${machine.cores} cores of ${machine.cpu}`;
  const of = `Node.js ${versions.node}, Bun ${versions.bun}, Socket.IO ${versions['socket.io']}, commit ${versions.commit}`;
  const cells = [...new Set(table.map((entry) => entry.cell))];
  return [
    `### ${scenario.title}`,
    `${date.slice(0, 10)}, ${on}, ${of}; ${rounds} round${rounds > 1 ? 's' : ''}, min / median / max.`,
    ...cells.map((cell) => markdownOf(scenario, table, cell)),
  ].join('\n\n');
}
