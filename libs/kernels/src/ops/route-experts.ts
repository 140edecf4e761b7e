import type { KernelCall, Placed } from '../program/program.js';
import { gatingCodes } from './route-kernels.js';
import { scriptCall } from './script-calls.js';

/** How scores of experts become weights: softmax over all, the logistic function of each, softmax over the chosen alone, the root of ln(1 + e^x), or not at all. */
export type Gating = keyof typeof gatingCodes;

export interface RouteOperands {
  /** (tokens, experts) floats; changed. */
  readonly logits: Placed;
  readonly logitsStride: number;
  /** (tokens, experts) floats to work on. */
  readonly scores: Placed;
  readonly scoresStride: number;
  readonly experts: number;
  readonly used: number;
  readonly gating: Gating;
  /** Weights are divided by their sum. */
  readonly normalize: boolean;
  /** Weights are multiplied by this. */
  readonly factor: number;
  /** (experts) floats added to the scores for choosing only. */
  readonly bias?: Placed;
  /** Experts are chosen by what the gating starts from: it may round large logits to the same score. */
  readonly byLogits?: boolean;
  /** Scores are those of so many experts for each that there is: expert i is chosen by its several scores, and has the weight of score i. */
  readonly scoresPerExpert?: number;
  /** Experts are chosen from the best groups only. */
  readonly groups?: { readonly count: number; readonly used: number };
  /** (tokens, used) words: the experts, best first. */
  readonly chosen: Placed;
  /** (tokens, used) floats. */
  readonly weights: Placed;
}

/** Chooses experts for each token. Unit = token. */
export function routeExperts(operands: RouteOperands): KernelCall {
  const {
    logits,
    logitsStride,
    scores,
    scoresStride,
    experts,
    used,
    gating,
    normalize,
    factor,
    bias,
    groups,
    byLogits = false,
    scoresPerExpert = 1,
    chosen,
    weights,
  } = operands;
  return scriptCall('routeExperts', [
    logits,
    logitsStride,
    scores,
    scoresStride,
    experts,
    used,
    gatingCodes[gating],
    normalize ? 1 : 0,
    { float: factor },
    bias ? 1 : 0,
    bias ?? 0,
    groups?.count ?? 1,
    groups?.used ?? 1,
    chosen,
    weights,
    byLogits ? 1 : 0,
    scoresPerExpert,
  ]);
}

/**
 * Sorts the tokens' choices by expert, so that each expert has its rows one after another, and sets the step's count of experts in use.
 * Unit: one, for all tokens.
 */
export function groupByExpert(operands: {
  readonly chosen: Placed;
  /** Address of the word that holds the number of tokens. */
  readonly tokens: Placed;
  readonly used: number;
  readonly experts: number;
  /** (experts + 1) words: the first row of each expert. */
  readonly firstRows: Placed;
  /** (experts) words: those that have rows. */
  readonly inUse: Placed;
  /** (tokens, used) words: the row of each choice. */
  readonly rowOfChoice: Placed;
  /** (tokens * used) words. */
  readonly tokenOfRow: Placed;
  readonly expertOfRow: Placed;
  /** Moves weights from the choices, where ones are left, to their rows. Both are (tokens * used) floats. */
  readonly moved?: { readonly weights: Placed; readonly weightOfRow: Placed };
}): KernelCall {
  const { chosen, tokens, used, experts, firstRows, inUse, rowOfChoice, tokenOfRow, expertOfRow, moved } = operands;
  return scriptCall('groupByExpert', [
    chosen,
    tokens,
    used,
    experts,
    firstRows,
    inUse,
    rowOfChoice,
    tokenOfRow,
    expertOfRow,
    moved ? 1 : 0,
    moved?.weights ?? 0,
    moved?.weightOfRow ?? 0,
  ]);
}
