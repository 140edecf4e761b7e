import type { Expr } from '../wasm/expression.js';
import type { Local } from '../wasm/function-builder.js';
import { i32 } from '../wasm/scalar-ops.js';
import { f32x4, v128 } from '../wasm/simd-ops.js';
import { defineKernel, type KernelDefinition, type KernelEmitter } from './kernel-definition.js';
import { rowAddress } from './rows.js';
import { emitErf, emitExp, emitSigmoid, emitSoftplus, emitTanh } from './vector-math.js';

/** The functions between the two matrices of a feed-forward block. `gelu` is the tanh form, `gelu_erf` the exact one, `relu2` the square of relu. */
export const activationNames = [
  'exp',
  'silu',
  'gelu',
  'gelu_erf',
  'gelu_quick',
  'relu',
  'relu2',
  'sigmoid',
  'softplus',
  'tanh',
] as const;
export type Activation = (typeof activationNames)[number];

type Emit = (k: KernelEmitter, x: Local<'v128'>) => Expr<'v128'>;

const functions: Record<Activation, Emit> = {
  exp: (k, x) => emitExp(k, x),
  silu: (k, x) => f32x4.mul(x, emitSigmoid(k, x)),
  // 0.5 (1 + tanh u) is the logistic function of 2u, which keeps its digits for negative u.
  gelu: (k, x) => {
    const cubic = k.madd(f32x4.mul(x, x), k.float(0.044715), k.float(1));
    return f32x4.mul(x, emitSigmoid(k, f32x4.mul(f32x4.mul(x, cubic), k.float(2 * Math.sqrt(2 / Math.PI)))));
  },
  gelu_erf: (k, x) => {
    const erf = emitErf(k, f32x4.mul(x, k.float(Math.SQRT1_2)));
    return f32x4.mul(f32x4.mul(x, k.float(0.5)), f32x4.add(erf, k.float(1)));
  },
  gelu_quick: (k, x) => f32x4.mul(x, emitSigmoid(k, f32x4.mul(x, k.float(1.702)))),
  relu: (k, x) => f32x4.pmax(x, k.float(0)),
  relu2: (k, x) => {
    const positive = k.f.local('v128', f32x4.pmax(x, k.float(0)));
    return f32x4.mul(positive, positive);
  },
  sigmoid: (k, x) => emitSigmoid(k, x),
  softplus: (k, x) => emitSoftplus(k, x),
  tanh: (k, x) => emitTanh(k, x),
};

/*
 * Unit = token * blocks + block; a block is `blockBytes` of a row of `rowBytes` (multiples of 16; the last block may be shorter), so that
 * several workers can share the row of one token.
 */
const fields = {
  input: 'address',
  inputStride: 'int',
  up: 'address',
  upStride: 'int',
  output: 'address',
  outputStride: 'int',
  rowBytes: 'int',
  blockBytes: 'int',
  blocks: 'int',
} as const;

/** output = function(input) * up: the gated feed-forward block. */
export const gatedActivations: Record<Activation, KernelDefinition<typeof fields>> = forEach((name) =>
  defineKernel(`gated_${name}`, fields, (k) =>
    forBlocks(k, (input, up) => f32x4.mul(functions[name](k as unknown as KernelEmitter, input), up)),
  ),
);

/** output = function(input); `up` is not read. */
export const plainActivations: Record<Activation, KernelDefinition<typeof fields>> = forEach((name) =>
  defineKernel(`plain_${name}`, fields, (k) =>
    forBlocks(k, (input) => functions[name](k as unknown as KernelEmitter, input)),
  ),
);

/**
 * A gate within bounds: g = min(input, limit), u = clamp(up, -limit, limit), output = g * logistic(alpha * g) * (u + shift).
 */
export const clampedSwiglu = defineKernel(
  'clamped_swiglu',
  { ...fields, alpha: 'float', limit: 'float', shift: 'float' },
  (k) => {
    const { f, at } = k;
    const limit = f.local('v128', f32x4.splat(at.limit));
    const alpha = f.local('v128', f32x4.splat(at.alpha));
    const shift = f.local('v128', f32x4.splat(at.shift));
    forBlocks(k, (input, up) => {
      const gate = f.local('v128', f32x4.pmin(input, limit));
      const linear = f.local('v128', f32x4.add(f32x4.pmax(f32x4.pmin(up, limit), f32x4.neg(limit)), shift));
      return f32x4.mul(f32x4.mul(gate, emitSigmoid(k as unknown as KernelEmitter, f32x4.mul(gate, alpha))), linear);
    });
  },
);

/** A gate whose result is within a bound: output = min(input * logistic(input), limit) * clamp(up, -limit, limit). */
export const limitedSwiglu = defineKernel('limited_swiglu', { ...fields, limit: 'float' }, (k) => {
  const { f, at } = k;
  const limit = f.local('v128', f32x4.splat(at.limit));
  forBlocks(k, (input, up) => {
    const gate = f32x4.pmin(f32x4.mul(input, emitSigmoid(k as unknown as KernelEmitter, input)), limit);
    return f32x4.mul(gate, f32x4.pmax(f32x4.pmin(up, limit), f32x4.neg(limit)));
  });
});

/** A gate that saturates: output = beta tanh(input / beta) * logistic(input) * linearBeta tanh(up / linearBeta). */
export const situ = defineKernel('situ', { ...fields, beta: 'float', linearBeta: 'float' }, (k) => {
  const linearBeta = k.f.local('v128', f32x4.splat(k.at.linearBeta));
  emitSitu(k, (up) => saturated(k, up, linearBeta));
});

/** The same with `up` as it is. */
export const situGate = defineKernel('situ_gate', { ...fields, beta: 'float' }, (k) => emitSitu(k, (up) => up));

type SituEmitter = KernelEmitter<typeof fields & { readonly beta: 'float' }>;

function emitSitu(k: SituEmitter, upOf: (up: Expr<'v128'>) => Expr<'v128'>): void {
  const beta = k.f.local('v128', f32x4.splat(k.at.beta));
  forBlocks(k, (input, up) =>
    f32x4.mul(f32x4.mul(saturated(k, input, beta), emitSigmoid(k as unknown as KernelEmitter, input)), upOf(up)),
  );
}

/** beta tanh(x / beta). */
const saturated = (k: SituEmitter, x: Expr<'v128'>, beta: Local<'v128'>): Expr<'v128'> =>
  f32x4.mul(emitTanh(k as unknown as KernelEmitter, f32x4.div(x, beta)), beta);

/**
 * xIELU (Huang and Schlag, 2025): x is positive: alphaP x^2 + beta x, else alphaN (e^min(x, epsilon) - 1 - x) + beta x, for an epsilon a little
 * below 0; `up` is not read.
 */
export const xielu = defineKernel(
  'xielu',
  { ...fields, alphaP: 'float', alphaN: 'float', beta: 'float', epsilon: 'float' },
  (k) => {
    const { f, at } = k;
    const [alphaP, alphaN, beta, epsilon] = [at.alphaP, at.alphaN, at.beta, at.epsilon].map((value) =>
      f.local('v128', f32x4.splat(value)),
    );
    const zero = f.local('v128', k.float(0));
    forBlocks(k, (x) => {
      const positive = f.local('v128', f32x4.mul(f32x4.mul(alphaP, x), x));
      // e^y - 1 = 2 t / (1 - t) for t = tanh(y / 2), which keeps the digits of small y.
      const t = f.local(
        'v128',
        emitTanh(k as unknown as KernelEmitter, f32x4.mul(f32x4.pmin(x, epsilon), k.float(0.5))),
      );
      const below = f.local('v128', f32x4.div(f32x4.add(t, t), f32x4.sub(k.float(1), t)));
      const negative = f.local('v128', f32x4.mul(f32x4.sub(below, x), alphaN));
      return f32x4.add(v128.bitselect(positive, negative, f32x4.lt(zero, x)), f32x4.mul(beta, x));
    });
  },
);

/** Vectors that are worked on side by side, so that V8 can join them. */
const unrolled = 2;

/** output = body(input, up), vector by vector. @param body gets the input in a local, and `up` as a load that is used at most once */
function forBlocks(
  k: KernelEmitter<typeof fields>,
  body: (input: Local<'v128'>, up: Expr<'v128'>) => Expr<'v128'>,
): void {
  const { f, at, begin, end } = k;
  const unit = f.local('i32');
  const token = f.local('i32');
  const first = f.local('i32');
  const input = f.local('i32');
  const up = f.local('i32');
  const output = f.local('i32');
  const limit = f.local('i32');
  const emitVectors = (count: number): void => {
    const values = f.locals('v128', count);
    values.forEach((value, i) => f.set(value, v128.load(input, 16 * i)));
    values.forEach((value, i) => f.set(value, body(value, v128.load(up, 16 * i))));
    values.forEach((value, i) => f.do(v128.store(output, value, 16 * i)));
    for (const place of [input, up, output]) f.advance(place, 16 * count);
    f.advance(limit, -16 * count);
  };
  f.for(unit, begin, end, 1, () => {
    f.set(token, i32.divU(unit, at.blocks));
    f.set(first, i32.mul(i32.sub(unit, i32.mul(token, at.blocks)), at.blockBytes));
    f.set(limit, i32.sub(at.rowBytes, first));
    f.set(limit, i32.select(i32.ltU(limit, at.blockBytes), limit, at.blockBytes));
    f.set(input, i32.add(rowAddress(at.input, token, at.inputStride), first));
    f.set(up, i32.add(rowAddress(at.up, token, at.upStride), first));
    f.set(output, i32.add(rowAddress(at.output, token, at.outputStride), first));
    f.while(i32.geS(limit, 16 * unrolled), () => emitVectors(unrolled));
    f.while(i32.gtS(limit, 0), () => emitVectors(1));
  });
}

function forEach(
  make: (name: Activation) => KernelDefinition<typeof fields>,
): Record<Activation, KernelDefinition<typeof fields>> {
  return Object.fromEntries(activationNames.map((name) => [name, make(name)])) as Record<
    Activation,
    KernelDefinition<typeof fields>
  >;
}
