import type { Architecture } from '../architecture/architecture.js';
import type { XieluSpec } from '../architecture/block-spec.js';
import { plainOf } from '../architecture/feed-forward.js';
import type { ModelReader } from '../architecture/model-reader.js';
import { queryKeyNorms, withoutBiases } from '../architecture/parts.js';
import { sequentialOf } from '../architecture/sequential.js';

/** Apertus: norms of heads, and xIELU with numbers of its own for each layer in place of a gate. */
export const apertus: Architecture = {
  name: 'apertus',
  families: 'Apertus',
  read: (reader) => {
    withoutBiases(reader, 'attn_q_norm', 'attn_k_norm');
    return sequentialOf(reader, {
      norm: 'rms',
      rope: 'halves',
      factors: 'byScaling',
      attention: (index, shape) => queryKeyNorms(reader, 'rms', index, shape),
      feedForward: (index, norms) => plainOf(reader, index, norms, xieluOf(reader, index)),
    });
  },
};

/** The activation of a layer. Files keep what softplus makes the factors from, under keys without the architecture's name. */
function xieluOf(reader: ModelReader, layer: number): XieluSpec {
  const [alphaP, alphaN, beta, epsilon] = ['alpha_p', 'alpha_n', 'beta', 'eps'].map((name) =>
    sharedNumber(reader, `xielu.${name}`, layer),
  );
  return { kind: 'xielu', alphaP: softplus(alphaP), alphaN: beta + softplus(alphaN), beta, epsilon };
}

function sharedNumber(reader: ModelReader, key: string, layer: number): number {
  const value = reader.metadata(key);
  const number =
    ArrayBuffer.isView(value) || Array.isArray(value) ? Number((value as ArrayLike<unknown>)[layer]) : value;
  if (typeof number !== 'number' || !Number.isFinite(number))
    throw reader.invalid(`has no number for layer ${layer} under '${key}'`);
  return number;
}

const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
