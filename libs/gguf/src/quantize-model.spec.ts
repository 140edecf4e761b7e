import { golden, readJson } from '../../../tools/fixtures/fixtures.js';
import path from 'node:path';
import { MemorySink, tensorValues, withModel } from '../test/fixture-tensors.js';
import { chooseTensorTypes } from './choose-types.js';
import { convertInThreads } from './converter-team.node.js';
import { fileTypeByName, fileTypeName, type FileTypeName } from './file-types.js';
import type { GgufModel } from './model.js';
import { openGguf } from './open.js';
import { quantizeModel } from './quantize-model.js';
import { TENSOR_TYPES, bytesOfValues, type TensorTypeName } from './tensor-types.js';
import { GgufWriter } from './writer.js';

interface Shape {
  readonly architecture?: string;
  readonly layers?: number;
  readonly heads?: number;
  readonly keyHeads?: number;
  readonly experts?: number;
  readonly tied?: boolean;
  readonly width?: number;
}

/** A model with the tensors of a transformer, each of one row or two: enough for the rules, which look at names and row lengths. */
async function modelOf(shape: Shape): Promise<GgufModel> {
  const {
    architecture = 'llama',
    layers = 16,
    heads = 32,
    keyHeads = 8,
    experts = 0,
    tied = false,
    width = 256,
  } = shape;
  const sink = new MemorySink();
  const writer = new GgufWriter(sink);
  writer.setMetadata('general.architecture', architecture);
  writer.setMetadata(`${architecture}.block_count`, layers);
  writer.setMetadata(`${architecture}.attention.head_count`, heads);
  writer.setMetadata(`${architecture}.attention.head_count_kv`, Int32Array.of(keyHeads));
  if (experts > 0) writer.setMetadata(`${architecture}.expert_count`, experts);
  const add = (name: string, dimensions: readonly number[]): void =>
    writer.addTensor(name, TENSOR_TYPES.F16, dimensions);
  add('token_embd.weight', [width, 2]);
  if (!tied) add('output.weight', [width, 2]);
  for (let layer = 0; layer < layers; layer++) {
    for (const name of ['attn_q', 'attn_k', 'attn_v', 'attn_output', 'ffn_up', 'ffn_down'])
      add(`blk.${layer}.${name}.weight`, [width, 2]);
    add(`blk.${layer}.attn_norm.weight`, [width]);
    if (experts > 0) add(`blk.${layer}.ffn_gate_exps.weight`, [width, 2, experts]);
  }
  await writer.write(new Uint8Array(0));
  const header = sink.bytes();
  const whole = new Uint8Array(header.length + 2 ** 21);
  whole.set(header);
  return openGguf(whole);
}

/** Types by the short name of a tensor, in layer order: `attn_v` -> Q6_K Q4_K ... */
function typesOf(model: GgufModel, fileType: FileTypeName, part: string): TensorTypeName[] {
  return Array.from(chooseTensorTypes(model, fileType))
    .filter(([name]) => name.includes(part))
    .map(([, type]) => type.name);
}

describe('the types of a mix', () => {
  it('follow the layer in Q4_K_M: the first and last eighth and every third between get more bits', async () => {
    const model = await modelOf({ layers: 16 });
    const [q4, q6]: TensorTypeName[] = ['Q4_K', 'Q6_K'];
    const expected = [q6, q6, q4, q4, q6, q4, q4, q6, q4, q4, q6, q4, q4, q6, q6, q6];
    expect(typesOf(model, 'Q4_K_M', 'attn_v')).toEqual(expected);
    expect(typesOf(model, 'Q4_K_M', 'ffn_down')).toEqual(expected);
    expect(new Set(typesOf(model, 'Q4_K_M', 'ffn_up'))).toEqual(new Set([q4]));
    expect(typesOf(model, 'Q4_K_M', 'output.weight').at(0)).toBe('Q6_K');
    expect(typesOf(model, 'Q4_K_M', 'token_embd')).toEqual(['Q4_K']);
    expect(new Set(typesOf(model, 'Q4_K_M', 'attn_norm'))).toEqual(new Set(['F16']));
  });

  it.each<[FileTypeName, string, TensorTypeName[]]>([
    ['Q2_K', 'attn_v', ['Q4_K', 'Q4_K']],
    ['Q2_K', 'ffn_down', ['Q3_K', 'Q3_K']],
    ['Q2_K', 'attn_output', ['Q3_K', 'Q3_K']],
    ['Q2_K_S', 'attn_v', ['Q4_K', 'Q4_K']],
    ['Q2_K_S', 'ffn_down', ['Q4_K', 'Q2_K']],
    ['Q3_K_S', 'attn_v', ['Q3_K', 'Q3_K']],
    ['Q3_K_M', 'attn_v', ['Q5_K', 'Q5_K', 'Q4_K']],
    ['Q3_K_M', 'ffn_down', ['Q4_K', 'Q4_K']],
    ['Q3_K_M', 'attn_output', ['Q4_K', 'Q4_K']],
    ['Q3_K_L', 'ffn_down', ['Q5_K', 'Q5_K']],
    ['Q3_K_L', 'attn_output', ['Q5_K', 'Q5_K']],
    ['Q4_K_S', 'attn_v', ['Q5_K', 'Q5_K', 'Q5_K', 'Q5_K', 'Q4_K']],
    ['Q4_K_S', 'ffn_down', ['Q5_K', 'Q4_K']],
    ['Q5_K_S', 'ffn_down', ['Q5_K', 'Q5_K']],
    ['Q5_K_M', 'attn_v', ['Q6_K', 'Q5_K', 'Q5_K', 'Q6_K']],
    ['Q6_K', 'attn_v', ['Q6_K', 'Q6_K']],
    ['Q4_0', 'attn_v', ['Q4_0', 'Q4_0']],
    ['Q8_0', 'token_embd', ['Q8_0']],
    ['IQ4_XS', 'attn_v', ['Q5_K', 'Q5_K']],
    ['IQ4_NL', 'ffn_down', ['Q5_K', 'IQ4_NL']],
    ['F16', 'attn_v', ['F16', 'F16']],
    ['BF16', 'token_embd', ['BF16']],
    ['MXFP4', 'ffn_up', ['MXFP4', 'MXFP4']],
  ])('%s gives %s, from the first of eight layers on: %j', async (fileType, part, expected) => {
    const model = await modelOf({ layers: 8 });
    expect(typesOf(model, fileType, part).slice(0, expected.length)).toEqual(expected);
  });

  it('give the embedding the bits of an output where it serves as one', async () => {
    const model = await modelOf({ tied: true });
    expect(typesOf(model, 'Q4_0', 'token_embd')).toEqual(['Q6_K']);
    expect(typesOf(model, 'Q8_0', 'token_embd')).toEqual(['Q8_0']);
  });

  it('spend more where eight experts or eight query heads share a matrix', async () => {
    const mixtral = await modelOf({ layers: 8, experts: 8 });
    expect(typesOf(mixtral, 'Q4_K_M', 'attn_v').at(0)).toBe('Q8_0');
    expect(typesOf(mixtral, 'Q4_K_M', 'attn_k').at(0)).toBe('Q8_0');
    expect(typesOf(mixtral, 'Q4_K_M', 'attn_output').at(0)).toBe('Q5_K');
    expect(typesOf(mixtral, 'MXFP4_MOE', 'ffn_gate_exps').at(0)).toBe('MXFP4');
    expect(typesOf(mixtral, 'MXFP4_MOE', 'attn_q').at(0)).toBe('Q8_0');
    const large = await modelOf({ layers: 80, heads: 64, keyHeads: 8 });
    expect(typesOf(large, 'Q3_K_S', 'attn_v').at(0)).toBe('Q5_K');
    const few = await modelOf({ layers: 8, heads: 8, keyHeads: 8 });
    expect(typesOf(few, 'Q2_K', 'attn_v').at(0)).toBe('Q3_K');
  });

  it('give way to smaller blocks where a row is no whole number of large ones', async () => {
    const narrow = await modelOf({ layers: 8, width: 96 });
    expect(typesOf(narrow, 'Q4_K_S', 'attn_q').at(0)).toBe('Q5_0');
    expect(typesOf(narrow, 'Q3_K_S', 'attn_q').at(0)).toBe('Q4_0');
    expect(typesOf(narrow, 'IQ4_XS', 'attn_q').at(0)).toBe('IQ4_NL');
    expect(typesOf(narrow, 'Q6_K', 'attn_q').at(0)).toBe('Q8_0');
    expect(typesOf(narrow, 'Q4_K_M', 'output.weight').at(0)).toBe('Q8_0');
    expect(['attn_q', 'token_embd', 'output.weight'].map((name) => typesOf(narrow, 'TQ2_0', name).at(0))).toEqual([
      'Q4_0',
      'Q5_0',
      'Q8_0',
    ]);
    const odd = await modelOf({ layers: 8, width: 20 });
    expect(typesOf(odd, 'Q4_K_M', 'attn_q').at(0)).toBe('F16');
  });

  it('are ternary but for the embedding and the output', async () => {
    const model = await modelOf({ layers: 8 });
    expect(
      ['attn_q', 'attn_v', 'ffn_down', 'token_embd', 'output.weight'].map((name) =>
        typesOf(model, 'TQ1_0', name).at(0),
      ),
    ).toEqual(['TQ1_0', 'TQ1_0', 'TQ1_0', 'Q4_K', 'Q6_K']);
  });

  it('can be one type for all, or what the caller says', async () => {
    const model = await modelOf({ layers: 8, tied: true });
    expect(
      new Set(Array.from(chooseTensorTypes(model, 'Q4_K_M', { pure: true }).values(), (type) => type.name)),
    ).toEqual(new Set(['Q4_K', 'F16']));
    const override = chooseTensorTypes(model, 'Q4_K_M', {
      override: (tensor) => (tensor.name.includes('attn_q') ? TENSOR_TYPES.Q8_0 : undefined),
    });
    expect(override.get('blk.3.attn_q.weight')?.name).toBe('Q8_0');
    expect(override.get('blk.3.attn_k.weight')?.name).toBe('Q4_K');
  });

  it('are named in any case, with the short names of old', () => {
    expect(fileTypeByName('q4_k')).toBe('Q4_K_M');
    expect(fileTypeByName('Q8_0')).toBe('Q8_0');
    expect(fileTypeByName('toString')).toBeUndefined();
    expect(fileTypeName(15)).toBe('Q4_K_M');
    expect(fileTypeName(24)).toBe('IQ1_S');
    expect(fileTypeName(999)).toBeUndefined();
  });
});

interface Mix {
  readonly name: FileTypeName;
  readonly metadata: readonly (readonly [string, string | number])[];
  readonly tensors: readonly (readonly [name: string, shape: readonly number[], type: TensorTypeName])[];
}

describe('quantizing models', () => {
  it.each(readJson<Mix[]>(golden.mixes).map((mix) => [mix.name, mix] as const))(
    '%s chooses the types of the reference file',
    async (fileType, mix) => {
      const sink = new MemorySink();
      const writer = new GgufWriter(sink);
      for (const [key, value] of mix.metadata) writer.setMetadata(key, value);
      for (const [name, shape, type] of mix.tensors) writer.addTensor(name, TENSOR_TYPES[type], shape);
      for (const [, shape, type] of mix.tensors)
        await writer.write(
          new Uint8Array(
            bytesOfValues(
              TENSOR_TYPES[type],
              shape.reduce((a, b) => a * b),
            ),
          ),
        );
      await writer.finish();
      const chosen = chooseTensorTypes(await openGguf(sink.bytes()), fileType);
      expect(chosen.size).toBeGreaterThan(10);
      for (const [name, , type] of mix.tensors)
        expect(`${name} ${chosen.get(name)?.name ?? type}`).toBe(`${name} ${type}`);
    },
  );

  it('writes a file with the new types and marks it', async () => {
    await withModel(path.join(golden.models, 'qwen2.gguf'), async (original) => {
      const sink = new MemorySink();
      const seen: number[] = [];
      const types = await quantizeModel(original, 'Q4_K', sink, {
        onProgress: ({ valuesDone, valuesTotal }) => seen.push(valuesDone / valuesTotal),
      });
      expect(seen.at(-1)).toBe(1);
      const made = await openGguf(sink.bytes());
      expect(made.number('general.file_type')).toBe(15);
      expect(made.number('general.quantization_version')).toBe(2);
      expect(made.strings('tokenizer.ggml.tokens')?.toArray()).toEqual(
        original.strings('tokenizer.ggml.tokens')?.toArray(),
      );
      for (const tensor of made.tensors.values()) {
        expect(tensor.type).toBe(types.get(tensor.name));
        const [a, b] = [await tensorValues(made, tensor.name), await tensorValues(original, tensor.name)];
        const relative = Math.sqrt(
          a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0) / b.reduce((sum, value) => sum + value ** 2, 0),
        );
        expect(relative).toBeLessThan(0.1);
      }
    });
  });

  it('writes the same bytes by threads, piece by piece in order', async () => {
    const whole = new MemorySink();
    const writer = new GgufWriter(whole);
    const rows = 520;
    for (const name of ['a.weight', 'b.weight']) writer.addTensor(name, TENSOR_TYPES.F32, [1024, rows]);
    for (let tensor = 0; tensor < 2; tensor++)
      await writer.write(
        new Uint8Array(Float32Array.from({ length: 1024 * rows }, (_, i) => Math.sin(i * (tensor + 1))).buffer),
      );
    await writer.finish();
    const model = await openGguf(whole.bytes());
    const converter = convertInThreads(3);
    expect(converter.width).toBeGreaterThan(1);
    const [one, several, told]: [MemorySink, MemorySink, number[]] = [new MemorySink(), new MemorySink(), []];
    await quantizeModel(model, 'Q8_0', one);
    await quantizeModel(model, 'Q8_0', several, { converter, onProgress: ({ valuesDone }) => told.push(valuesDone) });
    expect(Buffer.compare(one.bytes(), several.bytes())).toBe(0);
    expect(told).toEqual([...told].sort((a, b) => a - b));
    expect(told).toHaveLength(4);
    const given = { from: 'F32', to: 'Q8_0', rowLength: 32 } as const;
    await expect(
      converter.convert({ ...given, bytes: new Uint8Array(Float32Array.from({ length: 32 }, () => Infinity).buffer) }),
    ).rejects.toMatchObject({ code: 'invalid_argument', message: expect.stringContaining('value 0 is Infinity') });
    const last = converter.convert({ ...given, bytes: new Uint8Array(4 * 32 * 4096) });
    await Promise.all([converter.close(), expect(last).rejects.toMatchObject({ code: 'closed' })]);
    await expect(converter.convert({ ...given, bytes: new Uint8Array(128) })).rejects.toMatchObject({ code: 'closed' });
  });

  it('refuses an unknown type, a model that is quantized already, and values that are not finite', async () => {
    await withModel(golden.demoModel, async (quantized) => {
      await expect(quantizeModel(quantized, 'Q9_X', new MemorySink())).rejects.toMatchObject({
        code: 'invalid_argument',
        message: expect.stringContaining('Q4_K_M'),
      });
      await expect(quantizeModel(quantized, 'Q4_0', new MemorySink())).rejects.toMatchObject({
        code: 'invalid_argument',
        message: expect.stringMatching(/is Q8_0 already/),
      });
      await expect(quantizeModel(quantized, 'F16', new MemorySink(), { allowRequantize: true })).resolves.toBeDefined();
    });
    const sink = new MemorySink();
    const writer = new GgufWriter(sink);
    writer.addTensor('bad.weight', TENSOR_TYPES.F32, [32, 2]);
    await writer.write(new Uint8Array(Float32Array.from({ length: 64 }, (_, i) => (i === 40 ? NaN : 1)).buffer));
    await writer.finish();
    const bad = await openGguf(sink.bytes());
    await expect(quantizeModel(bad, 'Q8_0', new MemorySink())).rejects.toMatchObject({
      code: 'invalid_model_file',
      message: expect.stringMatching(/tensor "bad\.weight".*value 40 is NaN/),
    });
  });
});
