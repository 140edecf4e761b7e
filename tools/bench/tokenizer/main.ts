import { parseArgs } from 'node:util';
import { CORPORA, corpus, pieces, type CorpusName } from './corpora.js';
import { cl100kRanks, installPeers, loadPeers, type Peer } from './peers.js';
import { tokenizerOfRanks } from './vocabulary.js';

const { values: options } = parseArgs({
  options: {
    chars: { type: 'string', default: '100000' },
    seconds: { type: 'string', default: '0.02' },
    rounds: { type: 'string', default: '20' },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log(`npm run bench -- tokenizer [--chars 100000] [--seconds 0.02] [--rounds 20] [--only English|code|multilingual] [--json]
Encodes generated text with our tokenizer and its peers in turn, all with the ranks of cl100k, and checks that the ids are the same.
Rounds are short, so that the best of them is undisturbed by other work of the machine. Prints the best of the rounds: MB/s of UTF-8 and millions of tokens/s, and how many times the fastest peer we are.`);
  process.exit(0);
}

const WARM_UP_SECONDS = 0.15;

interface Row {
  readonly corpus: string;
  readonly piece: number;
  readonly tokens: number;
  readonly bytes: number;
  /** Million tokens/s by tokenizer. */
  readonly speed: Record<string, number>;
}

/** Runs over all pieces again and again for about `seconds`; passes per second. */
function passesPerSecond(encode: Peer['encode'], texts: readonly string[], seconds: number): number {
  const start = performance.now();
  let passes = 0;
  let elapsed = 0;
  do {
    for (const text of texts) encode(text);
    passes++;
    elapsed = performance.now() - start;
  } while (elapsed < seconds * 1000);
  return (passes / elapsed) * 1000;
}

function sameIds(name: string, want: ArrayLike<number>, got: ArrayLike<number>): void {
  for (let i = 0; i < Math.max(want.length, got.length); i++) {
    if (want[i] === got[i]) continue;
    console.error(`${name} differs at token ${i}: ${want[i]} and ${got[i]}`);
    process.exit(1);
  }
}

installPeers();
const peers = loadPeers();
const ours = tokenizerOfRanks(cl100kRanks());
const runners: Peer[] = [
  { name: 'starling', encode: (text) => ours.encode(text) },
  { name: 'starling, offsets', encode: (text) => ours.encodeWithOffsets(text).ids },
  ...peers,
];
const seconds = Number(options.seconds);
const rows: Row[] = [];
for (const name of Object.keys(CORPORA) as CorpusName[]) {
  if (options.only !== undefined && options.only !== name) continue;
  const text = corpus(name, Number(options.chars));
  const bytes = Buffer.byteLength(text);
  for (const size of [95, 2000, 100_000]) {
    const texts = pieces(text, size);
    const expected = texts.map((piece) => peers[2].encode(piece));
    for (const runner of runners) texts.forEach((piece, i) => sameIds(runner.name, expected[i], runner.encode(piece)));
    const tokens = expected.reduce((sum, ids) => sum + ids.length, 0);
    const speed: Record<string, number> = {};
    for (const runner of runners) passesPerSecond(runner.encode, texts, WARM_UP_SECONDS);
    for (let round = 0; round < Number(options.rounds); round++) {
      for (const runner of runners) {
        speed[runner.name] = Math.max(
          speed[runner.name] ?? 0,
          (passesPerSecond(runner.encode, texts, seconds) * tokens) / 1e6,
        );
      }
    }
    rows.push({ corpus: name, piece: size, tokens, bytes, speed });
  }
}

/** Our speed over that of the fastest peer. */
const ratio = (row: Row, name: string): number =>
  row.speed[name] / Math.max(...peers.map((peer) => row.speed[peer.name]));

if (options.json) {
  console.log(
    JSON.stringify(
      rows.map((row) => ({ ...row, ratio: ratio(row, 'starling'), ratioWithOffsets: ratio(row, 'starling, offsets') })),
    ),
  );
} else {
  const heads = ['text', 'piece', ...runners.map((runner) => runner.name), 'ratio', 'with offsets'];
  const lines = rows.map((row) => [
    row.corpus,
    String(row.piece),
    ...runners.map(
      ({ name }) => `${row.speed[name].toFixed(2)} (${((row.speed[name] * row.bytes) / row.tokens).toFixed(0)})`,
    ),
    ratio(row, 'starling').toFixed(2),
    ratio(row, 'starling, offsets').toFixed(2),
  ]);
  console.log('million tokens/s (MB/s), cl100k, the same ids from all');
  for (const line of [heads, ...lines]) console.log(line.map((cell, i) => cell.padEnd(i === 0 ? 13 : 20)).join(''));
}
