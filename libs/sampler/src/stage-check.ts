import { Candidates } from './candidates.js';
import { Mt19937 } from './mt19937.js';
import type { SamplerStage } from './stage.js';

const VOCABULARY_SIZE = 300;
const STEPS = 12;

/**
 * Runs a stage over pseudo-random logits and says, in words, which of the rules of `SamplerStage` it breaks; nothing, if it keeps them
 * all. For tests of own stages, under any test runner. `make` gives a new stage each time, for the vocabulary of `VOCABULARY_SIZE` tokens.
 */
export function sampleStageViolations(make: (vocabularySize: number) => SamplerStage): string[] {
  const violations = new Set<string>();
  const stage = make(VOCABULARY_SIZE);
  const twin = make(VOCABULARY_SIZE);
  const random = new Mt19937(20260101);
  for (let step = 0; step < STEPS; step++) {
    const logits = Float32Array.from({ length: VOCABULARY_SIZE }, () => 12 * random.nextDouble() * random.nextDouble());
    const presorted = step % 3 === 2;
    const fork = stage.fork();
    const restored = restoredCopy(stage, make(VOCABULARY_SIZE));
    const result = outcome(stage, logits, presorted, violations);
    if (outcome(twin, logits, presorted, violations) !== result)
      violations.add('two stages made alike behave differently');
    if (outcome(fork, logits, presorted, violations) !== result)
      violations.add('a fork behaves differently from its original');
    if (outcome(restored, logits, presorted, violations) !== result)
      violations.add('a stage restored from a saved state behaves differently');
    const accepted = random.nextUint32() % 40;
    for (const one of [stage, twin]) one.accept?.(accepted);
  }
  return [...violations];
}

function restoredCopy(stage: SamplerStage, fresh: SamplerStage): SamplerStage {
  const state = stage.save?.();
  if (state !== undefined) fresh.restore?.(JSON.parse(JSON.stringify(state)));
  return fresh;
}

/** What the stage makes of the logits, as text to compare. */
function outcome(stage: SamplerStage, logits: Float32Array, presorted: boolean, violations: Set<string>): string {
  const candidates = new Candidates(VOCABULARY_SIZE);
  candidates.load(logits);
  if (presorted) candidates.keepTop(100);
  const before = candidates.size;
  stage.apply(candidates);
  const { size, selected } = candidates;
  const ids = Array.from(candidates.ids.subarray(0, size));
  const left = Array.from(candidates.logits.subarray(0, size));
  if (!Number.isInteger(size) || size < 1) violations.add('no candidate is left');
  if (size > before) violations.add('there are more candidates than before');
  if (new Set(ids).size !== ids.length || ids.some((id) => id < 0 || id >= VOCABULARY_SIZE))
    violations.add('a candidate comes twice or is no token');
  if (left.some((logit) => Number.isNaN(logit))) violations.add('a logit is NaN');
  if (left.every((logit) => logit === -Infinity)) violations.add('every candidate lost its logit');
  if (candidates.sorted && left.some((logit, i) => i > 0 && logit > left[i - 1]))
    violations.add('the candidates say they are sorted and are not');
  if (candidates.inVocabularyOrder && ids.some((id, i) => id !== i))
    violations.add('ids were overwritten without the methods of Candidates');
  if (selected !== undefined && !(selected >= 0 && selected < size))
    violations.add('the selected index is no candidate');
  return JSON.stringify({ ids, left, selected });
}
