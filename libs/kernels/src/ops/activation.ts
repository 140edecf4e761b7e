import type { Expr } from '../wasm/expression.js';
import type { Local } from '../wasm/function-builder.js';
import { i32 } from '../wasm/scalar-ops.js';
import { f32x4, v128 } from '../wasm/simd-ops.js';
import { defineKernel, type KernelDefinition, type KernelEmitter } from './kernel-definition.js';
import { rowAddress } from './rows.js';
import { emitErf, emitSigmoid, emitTanh } from './vector-math.js';

/** The functions between the two matrices of a feed-forward block. `gelu` is the tanh form, `gelu_erf` the exact one, `relu2` the square of relu. */
export const activationNames = ['silu', 'gelu', 'gelu_erf', 'gelu_quick', 'relu', 'relu2', 'sigmoid', 'tanh'] as const;
export type Activation = (typeof activationNames)[number];

type Emit = (k: KernelEmitter, x: Local<'v128'>) => Expr<'v128'>;

const functions: Record<Activation, Emit> = {
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
  defineKernel(`gated_${name}`, fields, (k) => forBlocks(k, (input, up) => f32x4.mul(functions[name](k as unknown as KernelEmitter, input), up))),
);

/** output = function(input); `up` is not read. */
export const plainActivations: Record<Activation, KernelDefinition<typeof fields>> = forEach((name) =>
  defineKernel(`plain_${name}`, fields, (k) => forBlocks(k, (input) => functions[name](k as unknown as KernelEmitter, input))),
);

/**
 * The clamped gate of gpt-oss: g = min(input, limit), u = clamp(up, -limit, limit), output = g * logistic(alpha * g) * (u + 1).
 */
export const clampedSwiglu = defineKernel('clamped_swiglu', { ...fields, alpha: 'float', limit: 'float' }, (k) => {
  const { f, at } = k;
  const limit = f.local('v128', f32x4.splat(at.limit));
  const alpha = f.local('v128', f32x4.splat(at.alpha));
  forBlocks(k, (input, up) => {
    const gate = f.local('v128', f32x4.pmin(input, limit));
    const linear = f.local('v128', f32x4.add(f32x4.pmax(f32x4.pmin(up, limit), f32x4.neg(limit)), k.float(1)));
    return f32x4.mul(f32x4.mul(gate, emitSigmoid(k as unknown as KernelEmitter, f32x4.mul(gate, alpha))), linear);
  });
});

/** Vectors that are worked on side by side, so that V8 can join them. */
const unrolled = 2;

/** output = body(input, up), vector by vector. @param body gets the input in a local, and `up` as a load that is used at most once */
function forBlocks(k: KernelEmitter<typeof fields>, body: (input: Local<'v128'>, up: Expr<'v128'>) => Expr<'v128'>): void {
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

function forEach(make: (name: Activation) => KernelDefinition<typeof fields>): Record<Activation, KernelDefinition<typeof fields>> {
  return Object.fromEntries(activationNames.map((name) => [name, make(name)])) as Record<Activation, KernelDefinition<typeof fields>>;
}
