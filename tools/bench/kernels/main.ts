import { parseArgs } from 'node:util';
import { KernelBench, type FormatResult, type Share } from '../../../libs/kernels/bench/kernel-bench.js';
import { nodeBuild } from '../../../libs/kernels/src/matmul/compile-kernels.node.js';
import { PLAIN_BUILD } from '../../../libs/kernels/src/matmul/dot-mode.js';
import { MATMUL_FORMATS, type MatmulFormatName } from '../../../libs/kernels/src/matmul/format.js';

const { values: options } = parseArgs({
  options: {
    formats: { type: 'string', default: MATMUL_FORMATS.map(({ name }) => name).join(',') },
    threads: { type: 'string', default: '2' },
    cols: { type: 'string', default: '2048' },
    megabytes: { type: 'string', default: '256' },
    runs: { type: 'string', default: '15' },
    deterministic: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (options.help) {
  console.log(`npm run bench -- kernels [--formats Q4_0,Q8_0,...] [--threads 2] [--cols 2048] [--megabytes 256] [--runs 15] [--deterministic] [--json]
Measures the matrix kernels beside what the machine can do at best, in the same run:
  matvec   one token, all threads, weights from memory: GB/s of packed weights, and the share of what reading alone reaches
  cached   one token, one thread, weights in the second-level cache: GB/s
  8, 256   that many tokens, one thread: GOP/s, and the share of what products of registers reach
  pack     file bytes to packed weights, one thread: GB/s
Several runs, the best counts. With one thread, processor time is measured, so that other programs matter little.`);
  process.exit(0);
}

const known = new Set<string>(MATMUL_FORMATS.map(({ name }) => name));
const formats = options.formats.split(',').filter((name): name is MatmulFormatName => known.has(name));
const build = options.deterministic ? PLAIN_BUILD : nodeBuild();
const bench = await KernelBench.create({
  formats,
  build,
  threads: Number(options.threads),
  cols: Number(options.cols),
  megabytes: Number(options.megabytes),
  runs: Number(options.runs),
});

const share = ({ value, limit }: Share): string =>
  `${value.toFixed(value < 100 ? 1 : 0)} (${Math.round((100 * value) / limit)}% of ${limit.toFixed(0)})`;

function row({ name, matvec, cached, smallBatch, matmul, pack }: FormatResult): string {
  const cells = [name, share(matvec), cached.toFixed(1), share(smallBatch), share(matmul), pack.toFixed(1)];
  return cells.map((cell, i) => cell.padEnd([8, 20, 8, 20, 20, 0][i])).join(' ');
}

const results: FormatResult[] = [];
if (!options.json) {
  const kind = `${build.dot} dot products${build.wide ? ', vectors joined to 256 bits' : ''}${build.relaxed ? '' : ', plain SIMD'}`;
  console.log(`Node ${process.versions.node}, ${kind}; ${options.threads} threads, ${options.cols} columns\n`);
  console.log(
    `${'format'.padEnd(8)} ${'matvec GB/s'.padEnd(20)} ${'cached'.padEnd(8)} ${'8 tokens GOP/s'.padEnd(20)} ${'256 tokens GOP/s'.padEnd(20)} pack GB/s`,
  );
}
for (const name of formats) {
  const result = await bench.measure(name);
  results.push(result);
  if (!options.json) console.log(row(result));
}
if (options.json) console.log(JSON.stringify({ node: process.versions.node, build, results }));
await bench.close();
