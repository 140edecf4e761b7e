import { isStarlingError } from '@starling/core';
import { GgufBytes, TYPE, smallFile } from '../test/gguf-bytes.js';
import { openGguf } from './open.js';

/** The nightly run makes 200,000 of them. */
const CASES = Number(process.env.STARLING_FUZZ_CASES ?? 20_000);
const SEED = 20_240_917;
const MAX_GROWTH_BYTES = 256 * 2 ** 20;

/** A small generator with a seed (mulberry32), so that a failing case can be run again. */
function randomSource(seed: number): (below: number) => number {
  const { imul, floor } = Math;
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = imul(state ^ (state >>> 15), state | 1);
    t ^= t + imul(t ^ (t >>> 7), t | 61);
    return floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

const HOSTILE_SIZES = [
  0n,
  1n,
  2n,
  3n,
  31n,
  32n,
  33n,
  255n,
  65535n,
  65536n,
  2n ** 20n,
  2n ** 27n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 40n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 53n + 1n,
  2n ** 60n,
  2n ** 61n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 32n,
  2n ** 64n - 1n,
];

/** One hostile file. */
function hostileFile(random: (below: number) => number, valid: Uint8Array): Uint8Array {
  switch (random(5)) {
    case 0:
      return mutated(random, valid);
    case 1:
      return withHostileWord(random, valid);
    case 2:
      return valid.slice(0, random(valid.length));
    case 3:
      return spliced(random, valid);
    default:
      return madeUp(random);
  }
}

function mutated(random: (below: number) => number, valid: Uint8Array): Uint8Array {
  const bytes = valid.slice();
  for (let i = random(8); i >= 0; i--) bytes[random(bytes.length - 4) + 4] = random(256);
  return bytes;
}

function withHostileWord(random: (below: number) => number, valid: Uint8Array): Uint8Array {
  const bytes = valid.slice();
  const view = new DataView(bytes.buffer);
  for (let i = random(2); i >= 0; i--)
    view.setBigUint64(4 + random(bytes.length - 12), HOSTILE_SIZES[random(HOSTILE_SIZES.length)], random(8) > 0);
  return bytes;
}

/** Bytes taken out, or put in twice. */
function spliced(random: (below: number) => number, valid: Uint8Array): Uint8Array {
  const from = 8 + random(valid.length - 8);
  const to = from + random(Math.min(64, valid.length - from));
  const repeat = random(3);
  const bytes = new Uint8Array(valid.length + (repeat - 1) * (to - from));
  bytes.set(valid.subarray(0, from));
  for (let i = 0; i < repeat; i++) bytes.set(valid.subarray(from, to), from + i * (to - from));
  bytes.set(valid.subarray(to), from + repeat * (to - from));
  return bytes;
}

/** A header of valid and hostile pieces in any order. */
function madeUp(random: (below: number) => number): Uint8Array {
  const size = (): bigint => (random(3) === 0 ? HOSTILE_SIZES[random(HOSTILE_SIZES.length)] : BigInt(random(6)));
  const version = 1 + random(3);
  const file = GgufBytes.header(
    { tensors: size() & 0xffffffffn, entries: size() & 0xffffffffn },
    { version, littleEndian: random(4) > 0 },
  );
  const names = ['a', 'b', 'a', 'general.alignment', 'split.count', 'split.no', ''];
  for (let i = random(6); i > 0; i--) {
    const type = random(14);
    file.key(names[random(names.length)], type);
    if (type === TYPE.array)
      for (let depth = random(7); depth >= 0; depth--) file.u32(random(4) === 0 ? random(14) : TYPE.array).size(size());
    else if (type === TYPE.string) file.size(size()).raw('text');
    else file.zeros(random(9));
  }
  for (let i = random(4); i > 0; i--) {
    file.tensor(names[random(names.length)], Array.from({ length: random(6) }, size), random(45), size());
  }
  return file.zeros(random(80)).build();
}

// So many stack traces that nobody reads would take a third of the time.
const { stackTraceLimit } = Error;
beforeAll(() => (Error.stackTraceLimit = 0));
afterAll(() => (Error.stackTraceLimit = stackTraceLimit));

it(`opens or refuses ${CASES} hostile files with the typed error, within 256 MB`, async () => {
  const random = randomSource(SEED);
  const valid = smallFile();
  let opened = 0;
  const before = process.memoryUsage.rss();
  let peak = before;
  for (let i = 0; i < CASES; i++) {
    const file = hostileFile(random, valid);
    try {
      const model = await openGguf(file);
      for (const tensor of model.tensors.values()) await model.readTensor(tensor, new Uint8Array(tensor.byteLength));
      opened++;
    } catch (error) {
      if (!isStarlingError(error, 'invalid_model_file'))
        throw new Error(`case ${i} of seed ${SEED}: ${String(error)}`, { cause: error });
    }
    if (i % 256 === 0) peak = Math.max(peak, process.memoryUsage.rss());
  }
  expect(opened).toBeGreaterThan(CASES / 100);
  expect(opened).toBeLessThan(CASES / 2);
  expect(peak - before).toBeLessThan(MAX_GROWTH_BYTES);
});
