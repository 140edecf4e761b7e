// What `@starling/transformer` builds models from: it changes with any version, and is for nobody else.
export { controlBytes } from '../team/control-block.js';
export { matmulModuleName } from '../team/kernel-binding.js';
export { descriptorWords, structureWords } from '../program/program-code.js';
export { opsModuleName } from '../ops/kernel-definition.js';
export {
  clampedSwiglu,
  gatedActivations,
  limitedSwiglu,
  plainActivations,
  situ,
  situGate,
  xielu,
  type Activation,
} from '../ops/activation.js';
export { addDirections, addOwnedRows, weighSegments } from '../ops/adapters.js';
export { addByFactors, keepUpperEnd, matchLength } from '../ops/streams.js';
export {
  addBias,
  addGatheredRows,
  addRows,
  clampRows,
  gatherRows,
  multiplyAddRows,
  multiplyRows,
  scaleByGroup,
  scaleByIndex,
  scaleByToken,
  scaleByValue,
  scaleRows,
  softcapRows,
} from '../ops/elementwise.js';
export { attention, attentionScratchBytes, tileRecordWords, tileTokens, tileWords } from '../ops/attention.js';
export type { AttentionShape } from '../ops/attention-shape.js';
export { kvPageBytes, type KvFormat, type KvShape } from '../ops/kv-layout.js';
export { kvWrite } from '../ops/kv-write.js';
export { layerNorm, rmsNorm, rmsNormWithBias } from '../ops/norm.js';
export { ropeHalves, ropePairs } from '../ops/rope.js';
export { groupByExpert, routeExperts, type Gating, type RouteOperands } from '../ops/route-experts.js';
export { combineExperts, addGatedRows } from '../ops/combine-experts.js';
export { causalConv, causalConvSilu } from '../ops/causal-conv.js';
export { deltaNetElementScan, deltaNetScan } from '../ops/delta-net.js';
export { recurrenceGates, type GateOperands } from '../ops/recurrence-gates.js';
export { copyGroups, headRows } from '../ops/head-rows.js';
export { sequenceRecordWords, sequenceWords } from '../ops/sequence-records.js';
export { gatedLinearScan, wkv6Scan, wkv7Scan } from '../ops/wkv.js';
export { matchGates } from '../ops/match-gates.js';
export { ngramRows } from '../ops/ngram-rows.js';
export { selectiveScan } from '../ops/selective-space.js';
export { sumSquares } from '../ops/sum-squares.js';
export { sumSquaresUnits } from '../ops/sum-squares-kernel.js';
export { stateSpaceScan } from '../ops/state-space.js';
export { addMatchedGroups, addWeightedRows, scoreRows, softmaxRows, weightRows } from '../ops/weighted-rows.js';
export { ropeTable, temperatureTable, transferRows } from '../ops/script-calls.js';
