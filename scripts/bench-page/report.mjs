/**
 * @typedef {object} Row an engine with a form of the network and a number of threads
 * @property {string} key
 * @property {string} engine
 * @property {string} form
 * @property {number} threads
 * @property {number[]} milliseconds of each run
 * @property {number[]} cpu seconds of each run, of all processes of the browser; empty where the system does not tell
 * @property {import('./bench.d.ts').Difference | null} difference from the reference
 * @property {import('./bench.d.ts').ProfiledNode[] | null} profile of our engine
 */

const REFERENCE = 'onnxruntime-web';
const SLOWEST = 10;

/**
 * @param {object} measured
 * @param {string} measured.id
 * @param {number} measured.width
 * @param {number} measured.height
 * @param {number | null} measured.macs
 * @param {string | null} measured.reference
 * @param {Row[]} measured.rows
 */
export function printModel({ id, width, height, macs, reference, rows }) {
  const gmac = macs === null ? '' : `, ${(macs / 1e9).toFixed(2)} GMAC`;
  console.log(`\n${id}, ${width}x${height}${gmac}${reference === null ? '' : `; outputs compared with ${reference}`}`);
  if (rows.length === 0) return;
  const several = new Set(rows.map(({ form }) => form)).size > 1;
  printTable(
    [
      ['engine', 'threads', 'median ms', 'min ms', 'CPU s', `of ${REFERENCE}`, 'GMAC/s', 'max abs', 'of', 'same labels %'],
      ...rows.map(({ engine, form, threads, milliseconds, cpu, difference }) => {
        const middle = median(milliseconds);
        // The better of its forms.
        const others = rows.filter((row) => row.engine === REFERENCE && row.threads === threads);
        const best = Math.min(...others.map((row) => median(row.milliseconds)));
        return [
          several ? `${engine} (${form})` : engine,
          String(threads),
          middle.toFixed(1),
          Math.min(...milliseconds).toFixed(1),
          cpu.length > 0 ? (cpu.reduce((sum, value) => sum + value, 0) / cpu.length).toFixed(2) : '',
          Number.isFinite(best) ? (middle / best).toFixed(2) : '',
          macs === null ? '' : (macs / 1e6 / middle).toFixed(1),
          difference ? difference.max.toExponential(1) : '',
          difference ? difference.scale.toPrecision(3) : '',
          typeof difference?.agreement !== 'number' ? '' : (100 * difference.agreement).toFixed(3),
        ];
      }),
    ],
    1,
  );
}

/** @param {Row} row */
export function printProfile({ engine, form, threads, profile }) {
  if (!profile) return;
  const nodes = profile.map(({ milliseconds, ...node }) => ({ ...node, took: Math.min(...milliseconds) }));
  const all = nodes.reduce((sum, { took }) => sum + took, 0);
  /** @type {Map<string, { count: number, macs: number, took: number }>} */
  const operators = new Map();
  for (const { operator, macs, took } of nodes) {
    const known = operators.get(operator) ?? { count: 0, macs: 0, took: 0 };
    operators.set(operator, { count: known.count + 1, macs: known.macs + macs, took: known.took + took });
  }
  const rate = (/** @type {number} */ macs, /** @type {number} */ took) => (macs > 0 ? (macs / 1e6 / took).toFixed(1) : '');
  const share = (/** @type {number} */ took) => ((100 * took) / all).toFixed(1);

  console.log(`\n${engine}, ${form}, ${threads} thread(s), by operator`);
  printTable(
    [
      ['operator', 'nodes', 'min ms', 'share %', 'GMAC/s'],
      ...[...operators]
        .sort(([, a], [, b]) => b.took - a.took)
        .map(([name, { count, macs, took }]) => [name, String(count), took.toFixed(2), share(took), rate(macs, took)]),
    ],
    1,
  );
  console.log('\nslowest nodes');
  printTable(
    [
      ['operator', 'node', 'min ms', 'share %', 'GMAC/s'],
      ...nodes
        .sort((a, b) => b.took - a.took)
        .slice(0, SLOWEST)
        .map(({ operator, node, macs, took }) => [operator, node, took.toFixed(2), share(took), rate(macs, took)]),
    ],
    2,
  );
}

/**
 * @param {string[][]} lines
 * @param {number} names columns that are aligned to the left
 */
function printTable(lines, names) {
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  for (const line of lines) {
    const cells = line.map((cell, i) => (i < names ? cell.padEnd(widths[i]) : cell.padStart(widths[i])));
    console.log(`  ${cells.join('  ')}`.trimEnd());
  }
}

/** @param {number[]} values */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
