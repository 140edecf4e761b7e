import { FILE_TYPES, type FileTypeName } from './file-types.js';
import type { GgufModel } from './model.js';
import type { TensorInfo } from './read-tensors.js';
import { TENSOR_TYPES, type TensorType, type TensorTypeName } from './tensor-types.js';

/** What of a model decides the types of its tensors. */
interface MixContext {
  readonly fileType: FileTypeName;
  readonly base: TensorTypeName;
  readonly architecture: string;
  readonly layers: number;
  readonly experts: number;
  /** Query heads that share a key head. */
  readonly headsPerKey: number;
  /** No output matrix of its own: the embedding serves as one. */
  readonly tied: boolean;
  /** Matrices that make values (or keys and values at once). */
  readonly valueCount: number;
  /** An importance matrix is there. */
  readonly hasImportance: boolean;
}

/** The roles that the mixes tell apart. */
type Role =
  | 'output'
  | 'embedding'
  | 'value'
  | 'key'
  | 'query'
  | 'attention output'
  | 'ffn down'
  | 'ffn gate'
  | 'ffn up'
  | 'other';

/** How a model is quantized beside its mix. */
export interface ChooseTypesOptions {
  /** Every matrix gets the base type of the mix, the embedding and the output too. */
  readonly pure?: boolean;
  /** A type for a tensor that goes before what the mix says; undefined leaves it to the mix. */
  readonly override?: (tensor: TensorInfo) => TensorType | undefined;
  /** Whether weights are made by an importance matrix: some mixes then need fewer bits. Default false. */
  readonly hasImportance?: boolean;
}

/** Parts of names whose tensors stay as they are: small, or known to suffer. */
const KEPT = [
  '_norm.weight',
  'ffn_gate_inp.weight',
  'ffn_gate_tid2eid.weight',
  'altup',
  'laurel',
  'per_layer_model_proj',
  'ssm_conv1d',
  'shortconv.conv.weight',
  'indexer.k_proj.weight',
  'indexer.q_proj.weight',
  ...[
    'first',
    'w0',
    'w1',
    'w2',
    'v0',
    'v1',
    'v2',
    'a0',
    'a1',
    'a2',
    'g1',
    'g2',
    'decay_w1',
    'decay_w2',
    'lerp_fused',
  ].map((part) => `time_mix_${part}.weight`),
  'attn_rel_b.weight',
  'position_embd',
  'token_types.weight',
  'sam.pos_embd',
  'sam.neck.',
  'sam.net_',
  '.rel_pos',
  '.patch_embd',
  '.patch_merger',
  'a.rvq.codebook',
  'mm.a.code_embd',
];

/** What a type gives way to where a row is no whole number of its blocks. */
const FALLBACKS: Readonly<Partial<Record<TensorTypeName, TensorTypeName>>> = {
  Q2_K: 'Q4_0',
  Q3_K: 'Q4_0',
  Q4_K: 'Q5_0',
  Q5_K: 'Q5_1',
  Q6_K: 'Q8_0',
  IQ1_S: 'IQ4_NL',
  IQ1_M: 'IQ4_NL',
  IQ2_XXS: 'IQ4_NL',
  IQ2_XS: 'IQ4_NL',
  IQ2_S: 'IQ4_NL',
  IQ3_XXS: 'IQ4_NL',
  IQ3_S: 'IQ4_NL',
  IQ4_XS: 'IQ4_NL',
  TQ1_0: 'Q4_0',
  TQ2_0: 'Q4_0',
};

/**
 * The type of each tensor of a model in a mix: the choices of llama.cpp v0.5.0, so that a file has the same types as one made there. Tensors that are no matrices, and some small ones, keep the type they have.
 */
export function chooseTensorTypes(
  model: GgufModel,
  fileType: FileTypeName,
  options: ChooseTypesOptions = {},
): Map<string, TensorType> {
  const context = contextOf(model, fileType, options.hasImportance ?? false);
  const isBlocked = TENSOR_TYPES[context.base].blockSize > 1;
  const counters: Record<Role, number> = {
    output: 0,
    embedding: 0,
    value: 0,
    key: 0,
    query: 0,
    'attention output': 0,
    'ffn down': 0,
    'ffn gate': 0,
    'ffn up': 0,
    other: 0,
  };
  const chosen = new Map<string, TensorType>();
  for (const tensor of inLayerOrder(model.tensors.values())) {
    if (!isQuantized(tensor)) {
      chosen.set(tensor.name, tensor.type);
      continue;
    }
    const role = roleOf(tensor.name);
    const mixed = options.pure || !isBlocked ? context.base : mixedType(context, tensor, role, counters[role]++);
    chosen.set(tensor.name, fitting(options.override?.(tensor) ?? TENSOR_TYPES[mixed], tensor));
  }
  return new Map(Array.from(model.tensors.keys(), (name) => [name, chosen.get(name) ?? model.tensor(name).type]));
}

function contextOf(model: GgufModel, fileType: FileTypeName, hasImportance: boolean): MixContext {
  const architecture = model.architecture ?? '';
  const count = (key: string): number => {
    const value = model.metadata.get(`${architecture}.${key}`);
    const first = ArrayBuffer.isView(value) ? Array.from(value as ArrayLike<number | bigint>)[0] : value;
    return typeof first === 'number' || typeof first === 'bigint' ? Number(first) : 0;
  };
  const heads = count('attention.head_count');
  const names = Array.from(model.tensors.keys());
  return {
    fileType,
    base: FILE_TYPES[fileType].base,
    architecture,
    layers: count('block_count'),
    experts: count('expert_count'),
    headsPerKey: Math.floor(heads / (count('attention.head_count_kv') || heads || 1)),
    tied: !names.includes('output.weight'),
    valueCount: names.filter((name) => roleOf(name) === 'value').length,
    hasImportance,
  };
}

/** By layer, tensors of no layer first, then by name: the order in which the rules count. */
function inLayerOrder(tensors: Iterable<TensorInfo>): TensorInfo[] {
  return Array.from(tensors).sort(
    (a, b) => (layerOf(a.name) ?? -1) - (layerOf(b.name) ?? -1) || (a.name < b.name ? -1 : 1),
  );
}

function layerOf(name: string): number | undefined {
  const match = /^blk\.(\d+)\./.exec(name);
  return match === null ? undefined : Number(match[1]);
}

function isQuantized(tensor: TensorInfo): boolean {
  const dimensions = tensor.shape.findLastIndex((size) => size > 1) + 1;
  return dimensions >= 2 && tensor.name.endsWith('weight') && !KEPT.some((part) => tensor.name.includes(part));
}

function roleOf(name: string): Role {
  if (name === 'output.weight') return 'output';
  if (name === 'token_embd.weight' || name === 'per_layer_token_embd.weight') return 'embedding';
  if (/attn_(qkv|kv_b|v)\.weight/.test(name)) return 'value';
  if (name.includes('attn_k.weight')) return 'key';
  if (name.includes('attn_q.weight')) return 'query';
  if (name.includes('attn_output.weight')) return 'attention output';
  if (name.includes('ffn_up')) return 'ffn up';
  if (name.includes('ffn_gate')) return 'ffn gate';
  return name.includes('ffn_down') ? 'ffn down' : 'other';
}

/** The mixes of the least bits, which have rules of their own, and what their matrices get that need more than others. */
const LOW_MIXES: Readonly<
  Partial<Record<FileTypeName, { readonly more: TensorTypeName; readonly embedding: TensorTypeName }>>
> = {
  IQ1_S: { more: 'Q2_K', embedding: 'Q2_K' },
  IQ1_M: { more: 'Q2_K', embedding: 'Q2_K' },
  IQ2_XXS: { more: 'Q2_K', embedding: 'Q2_K' },
  IQ2_XS: { more: 'Q2_K', embedding: 'Q2_K' },
  IQ2_S: { more: 'IQ3_S', embedding: 'IQ3_S' },
  IQ2_M: { more: 'IQ3_S', embedding: 'IQ3_S' },
};

/** @param index how many tensors of this role came before */
function mixedType(context: MixContext, tensor: TensorInfo, role: Role, index: number): TensorTypeName {
  const { fileType, base } = context;
  if (role === 'output' || (role === 'embedding' && context.tied)) return outputType(context, tensor);
  if (fileType === 'MXFP4_MOE') return isExpert(context, tensor, role) ? 'MXFP4' : 'Q8_0';
  // Three values a weight are enough where a model was trained so: its embedding was not.
  if (role === 'embedding' && base.startsWith('TQ')) return 'Q4_K';
  if (role === 'embedding') return LOW_MIXES[fileType]?.embedding ?? (fileType === 'IQ3_XXS' ? 'IQ3_S' : base);
  if (LOW_MIXES[fileType]) return lowType(context, role, index, LOW_MIXES[fileType].more);
  const layer = context.experts > 1 ? (layerOf(tensor.name) ?? index) : index;
  switch (role) {
    case 'value':
      return valueType(context, index);
    case 'key':
      return context.experts === 8 ? 'Q8_0' : keyType(fileType, base);
    case 'query':
      return keyType(fileType, base);
    case 'ffn down':
      return ffnDownType(context, layer);
    case 'ffn gate':
    case 'ffn up':
      return fileType === 'IQ3_XS' && !inOuterEighths(layer, context.layers) ? 'IQ3_XXS' : base;
    case 'attention output':
      return attentionOutputType(context);
    default:
      return base;
  }
}

/** What queries and keys get: they are only compared, and stand more loss than values. */
const keyType = (fileType: FileTypeName, base: TensorTypeName): TensorTypeName =>
  fileType === 'IQ3_XS' ? 'IQ3_XXS' : fileType === 'IQ3_XXS' ? 'IQ2_S' : base;

function lowType(
  { fileType, base, headsPerKey, layers, experts }: MixContext,
  role: Role,
  index: number,
  more: TensorTypeName,
): TensorTypeName {
  switch (role) {
    case 'value':
      return headsPerKey >= 4 || experts >= 4 ? 'Q4_K' : more;
    case 'key':
      return experts === 8 ? 'Q4_K' : base;
    case 'ffn down':
      return index < Math.floor(layers / 8) ? more : base;
    case 'attention output':
      if (experts === 8) return 'Q5_K';
      return fileType.startsWith('IQ1') ? 'IQ2_XXS' : more === 'IQ3_S' ? more : base;
    default:
      return base;
  }
}

function outputType(context: MixContext, tensor: TensorInfo): TensorTypeName {
  const isOneType = context.base === 'Q8_0' || context.base === 'MXFP4';
  if (isOneType || context.architecture === 'falcon' || tensor.rowLength % TENSOR_TYPES[context.base].blockSize !== 0)
    return 'Q8_0';
  return LOW_MIXES[context.fileType] || context.fileType === 'IQ3_XXS' ? 'Q5_K' : 'Q6_K';
}

/** Stacked experts have a third dimension; in bailingmoe3 other matrices have one, too. */
function isExpert(context: MixContext, tensor: TensorInfo, role: Role): boolean {
  if ((tensor.shape[2] ?? 1) <= 1) return false;
  return context.architecture !== 'bailingmoe3' || role === 'ffn down' || /ffn_(up|gate)/.test(tensor.name);
}

function valueType(
  { fileType, base, headsPerKey, architecture, layers, experts, valueCount, hasImportance }: MixContext,
  index: number,
): TensorTypeName {
  if (experts === 8) return 'Q8_0';
  const type = ((): TensorTypeName => {
    switch (fileType) {
      case 'Q2_K':
        return headsPerKey >= 4 ? 'Q4_K' : 'Q3_K';
      case 'Q2_K_S':
      case 'IQ3_XS':
      case 'IQ3_S':
        return headsPerKey >= 4 ? 'Q4_K' : base;
      case 'IQ3_XXS':
        return headsPerKey >= 4 ? 'Q4_K' : hasImportance ? 'IQ3_XXS' : 'IQ3_S';
      case 'IQ3_M':
        return 'Q4_K';
      case 'Q3_K_M':
        return index < 2 ? 'Q5_K' : 'Q4_K';
      case 'Q3_K_L':
        return 'Q5_K';
      case 'IQ4_NL':
      case 'IQ4_XS':
        return headsPerKey >= 4 ? 'Q5_K' : base;
      case 'Q4_K_M':
      case 'Q5_K_M':
        return getsMoreBits(index, valueCount) ? 'Q6_K' : base;
      case 'Q4_K_S':
        return index < 4 ? 'Q5_K' : base;
      default:
        return base;
    }
  })();
  // In the 70 B models eight query heads share a value matrix: it is small, and more bits for it cost next to nothing.
  const isShared = architecture === 'llama' && layers === 80 && headsPerKey > 1;
  return isShared && (type === 'Q3_K' || type === 'Q4_K') ? 'Q5_K' : type;
}

function ffnDownType(
  { fileType, base, layers, architecture, experts, hasImportance }: MixContext,
  layer: number,
): TensorTypeName {
  const isFalcon = architecture === 'falcon';
  const inFirst = (share: number): boolean => layer < Math.floor(layers / share);
  switch (fileType) {
    case 'Q2_K':
      return 'Q3_K';
    case 'Q2_K_S':
      return inFirst(8) ? 'Q4_K' : base;
    case 'Q3_K_M':
      if (inFirst(16)) return 'Q5_K';
      return !isFalcon || getsMoreBits(layer, layers) ? 'Q4_K' : 'Q3_K';
    case 'Q3_K_L':
      return isFalcon ? 'Q4_K' : 'Q5_K';
    case 'Q4_K_S':
      return !isFalcon && inFirst(8) ? 'Q5_K' : base;
    case 'Q4_K_M':
      if (isFalcon) return inFirst(16) ? 'Q6_K' : getsMoreBits(layer, layers) ? 'Q5_K' : 'Q4_K';
      return getsMoreBits(layer, layers) ? 'Q6_K' : base;
    case 'Q5_K_M':
      return getsMoreBits(layer, layers) ? 'Q6_K' : base;
    case 'IQ3_XXS':
      return hasImportance ? base : inFirst(8) ? 'Q4_K' : 'Q3_K';
    case 'IQ3_M':
      return inFirst(8) || (experts === 8 && getsMoreBits(layer, layers)) ? 'Q4_K' : base;
    case 'IQ4_NL':
    case 'IQ4_XS':
      return inFirst(8) && !hasImportance ? 'Q5_K' : base;
    case 'Q4_0':
      return inFirst(8) && hasImportance ? 'Q4_1' : base;
    case 'Q5_0':
      return inFirst(8) && hasImportance ? 'Q5_1' : base;
    default:
      return base;
  }
}

const RAISED_WITH_EIGHT_EXPERTS: readonly FileTypeName[] = [
  'Q2_K',
  'Q3_K_S',
  'Q3_K_M',
  'Q4_K_S',
  'Q4_K_M',
  'IQ3_XXS',
  'IQ3_XS',
  'IQ3_S',
  'IQ3_M',
  'IQ4_NL',
  'IQ4_XS',
];

function attentionOutputType({ fileType, base, experts, architecture }: MixContext): TensorTypeName {
  if (architecture === 'falcon') return fileType === 'Q3_K_L' ? 'Q4_K' : base;
  if (experts === 8) return RAISED_WITH_EIGHT_EXPERTS.includes(fileType) ? 'Q5_K' : base;
  const raised: Readonly<Partial<Record<FileTypeName, TensorTypeName>>> = {
    Q2_K: 'Q3_K',
    Q3_K_M: 'Q4_K',
    Q3_K_L: 'Q5_K',
    IQ3_XXS: 'IQ3_S',
    IQ3_M: 'Q4_K',
  };
  return raised[fileType] ?? base;
}

/** The first and last eighth of the layers, and every third between. */
function getsMoreBits(layer: number, layers: number): boolean {
  return inOuterEighths(layer, layers) || (layer - Math.floor(layers / 8)) % 3 === 2;
}

const inOuterEighths = (layer: number, layers: number): boolean =>
  layer < Math.floor(layers / 8) || layer >= Math.floor((7 * layers) / 8);

/** The type, or one with smaller blocks if a row is no whole number of its blocks. */
function fitting(type: TensorType, tensor: TensorInfo): TensorType {
  if (tensor.rowLength % type.blockSize === 0) return type;
  const smaller = TENSOR_TYPES[FALLBACKS[type.name] ?? 'F16'];
  return tensor.rowLength % smaller.blockSize === 0 ? smaller : TENSOR_TYPES.F16;
}
