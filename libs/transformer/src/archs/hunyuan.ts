import type { Architecture } from '../architecture/architecture.js';
import type { ModelReader } from '../architecture/model-reader.js';
import type { ModelSpec } from '../architecture/model-spec.js';
import { queryKeyNorms } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';
import { sequentialOf } from '../architecture/sequential.js';

/** Hunyuan's dense models: norms of heads after the rotation, whose base grows with `rope.scaling.alpha`. */
export const hunyuanDense: Architecture = {
  name: 'hunyuan-dense',
  families: 'Hunyuan 0.5B to 7B',
  read: (reader) => readHunyuan(reader),
};

/** Hunyuan's mixtures: the same, with experts beside a shared one in every layer. */
export const hunyuanMoe: Architecture = {
  name: 'hunyuan-moe',
  families: 'Hunyuan A13B',
  read: (reader) => readHunyuan(reader),
};

/** Hunyuan's models for images, in which a text rotates as in the others. */
export const hunyuanVl: Architecture = {
  name: 'hunyuan_vl',
  families: 'HunyuanOCR (text)',
  read: (reader) => readHunyuan(reader),
};

function readHunyuan(reader: ModelReader): ModelSpec {
  const alpha = reader.optionalNumber('rope.scaling.alpha') ?? 0;
  const plain = reader.optionalNumber('rope.freq_base') ?? 10_000;
  return sequentialOf(reader, {
    norm: 'rms',
    attention: (index, shape) => ({
      ...queryKeyNorms(reader, 'rms', index, shape),
      normsAfterRotation: true,
      rope: ropeOf(reader, shape.keyLength, {
        style: 'halves',
        base: alpha > 0 ? plain * alpha ** (shape.keyLength / (shape.keyLength - 2)) : plain,
      }),
    }),
  });
}
