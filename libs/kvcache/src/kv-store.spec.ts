import fc from 'fast-check';
import { KvLayout, kvHalf, type KvTensor } from './kv-layout.js';
import { KvSequence } from './kv-sequence.js';
import { KvStore } from './kv-store.js';
import { PageArena } from './page-arena.js';

const shape = { layers: 2, heads: 2, keyDim: 3, valueDim: 2, type: 'F32' } as const;

/** One number per token and part, so that any mix-up of rows shows. */
const rows = (tokens: readonly number[], length: number, shapeTail: readonly number[]): KvTensor => ({
  type: 'F32',
  shape: [tokens.length, ...shapeTail],
  data: Float32Array.from(tokens.flatMap((token) => Array.from({ length }, (_, i) => token + i / 16))),
});

const setUp = (pageCount: number, pageTokens: number) => {
  const layout = new KvLayout(shape, pageTokens);
  const store = new KvStore(layout, pageCount);
  return {
    store,
    arena: new PageArena({ pageCount, pageTokens, bytesPerPage: layout.pageBytes, onCopy: store.copyPage }),
  };
};

const append = (store: KvStore, sequence: KvSequence, tokens: readonly number[]): void => {
  sequence.reserve(tokens.length);
  for (let layer = 0; layer < 2; layer++) {
    store.write(
      sequence,
      layer,
      'key',
      sequence.length,
      rows(
        tokens.map((token) => token + layer),
        6,
        [2, 3],
      ),
    );
    store.write(
      sequence,
      layer,
      'value',
      sequence.length,
      rows(
        tokens.map((token) => -token - layer),
        4,
        [2, 2],
      ),
    );
  }
  sequence.commit(tokens.length);
};

const expectTokens = (store: KvStore, sequence: KvSequence, tokens: readonly number[]): void => {
  expect(sequence.length).toBe(tokens.length);
  for (let layer = 0; layer < 2; layer++) {
    const keys = rows(
      tokens.map((token) => token + layer),
      6,
      [2, 3],
    );
    const values = rows(
      tokens.map((token) => -token - layer),
      4,
      [2, 2],
    );
    const readKeys = { ...keys, data: new Float32Array(keys.data.length) };
    const readValues = { ...values, data: new Float32Array(values.data.length) };
    store.read(sequence, layer, 'key', 0, readKeys);
    store.read(sequence, layer, 'value', 0, readValues);
    expect(readKeys.data).toEqual(keys.data);
    expect(readValues.data).toEqual(values.data);
  }
};

describe('KvStore', () => {
  it('keeps what each sequence wrote, whatever its forks write', () => {
    const action = fc.record({
      which: fc.nat(7),
      kind: fc.constantFrom('append', 'append', 'fork', 'truncate', 'release'),
      tokens: fc.array(fc.nat(1000), { minLength: 1, maxLength: 6 }),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.array(action, { maxLength: 30 }), (pageTokens, actions) => {
        const { store, arena } = setUp(40, pageTokens);
        const all: { sequence: KvSequence; tokens: number[] }[] = [{ sequence: new KvSequence(arena), tokens: [] }];
        for (const { which, kind, tokens } of actions) {
          if (all.length === 0) break;
          const at = which % all.length;
          const one = all[at];
          if (kind === 'fork') all.push({ sequence: one.sequence.fork(), tokens: [...one.tokens] });
          else if (kind === 'truncate')
            one.sequence.truncate((one.tokens.length = Math.min(one.tokens.length, tokens[0] % 8)));
          else if (kind === 'release') all.splice(at, 1)[0].sequence.release();
          else if (one.sequence.pagesToReserve(tokens.length) <= arena.freePages) {
            append(store, one.sequence, tokens);
            one.tokens.push(...tokens);
          }
          for (const { sequence, tokens: expected } of all) expectTokens(store, sequence, expected);
          arena.checkIntegrity(all.map(({ sequence }) => sequence.pages));
        }
      }),
    );
  });

  it('refuses what is not of its shape, its type or its layers, naming both', () => {
    const { store, arena } = setUp(4, 4);
    const sequence = new KvSequence(arena);
    append(store, sequence, [1, 2]);
    const good = rows([0], 6, [2, 3]);
    const wrong: [number, KvTensor, string][] = [
      [0, { ...good, shape: [1, 3, 2] }, 'the shape must be (1, 2, 3), not (1, 3, 2)'],
      [0, { ...good, type: 'F16' }, 'the cache holds F32, not F16'],
      [0, { ...good, data: new Uint16Array(6) }, 'Float32Array'],
      [0, { ...good, data: new Float32Array(5) }, '6 numbers, 5 were given'],
      [2, good, 'there are 2 layers'],
    ];
    for (const [layer, tensor, message] of wrong) {
      expect(() => store.read(sequence, layer, 'key', 0, tensor)).toThrow(
        expect.objectContaining({ code: 'invalid_argument', message: expect.stringContaining(message) }),
      );
    }
    expect(() => store.read(sequence, 0, 'key', 2, good)).toThrow('has 2 tokens');
    expect(() => store.write(sequence, 0, 'key', 1, good)).toThrow('has been committed');
    expect(() => store.write(sequence, 0, 'key', 4, good)).toThrow('not one of the 4');
  });

  it('stores F16 as it is', () => {
    const layout = new KvLayout({ layers: 1, heads: 1, keyDim: 2, type: 'F16' }, 2);
    expect(layout.pageBytes).toBe(16);
    const store = new KvStore(layout, 1);
    const sequence = new KvSequence(new PageArena({ pageCount: 1, pageTokens: 2 }));
    sequence.reserve(1);
    store.write(sequence, 0, 'value', 0, {
      type: 'F16',
      shape: [1, 1, 2],
      data: kvHalf.fromFloats(Float32Array.of(1.5, -2)),
    });
    sequence.commit(1);
    const back = new Uint16Array(2);
    store.read(sequence, 0, 'value', 0, { type: 'F16', shape: [1, 1, 2], data: back });
    expect([...kvHalf.toFloats(back)]).toEqual([1.5, -2]);
  });

  it('refuses a layout without room', () => {
    expect(() => new KvLayout({ ...shape, heads: 0 }, 4)).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
  });
});
