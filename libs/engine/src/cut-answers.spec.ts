import { StarlingError } from '@starling/core';
import { createSampler, vocabularyOf } from '@starling/sampler';
import { byteTokenizer } from './testing/byte-tokenizer.js';
import type { LongStep } from './aside/steps.js';
import { restoreAnswerState, type SavedAnswerState } from './answer-state.js';
import { constraintCompiler } from './compile-constraint.js';

const tokenizer = byteTokenizer();
const sampling = vocabularyOf(tokenizer, undefined);
const compile = constraintCompiler(tokenizer, tokenizer.vocabSize);
const choosing = { prompt: 'x', regex: 'ab*c', seed: 1 };
const saved: SavedAnswerState = { choosing, sampler: createSampler(choosing, sampling).save() };
const answer = tokenizer.encode('abb', { addSpecial: false });

describe('an answer that is taken up from what was stored', () => {
  it('has its grammar compiled where that can wait, and read the answer in pieces', () => {
    const steps = restoreAnswerState(saved, answer, sampling, compile);
    const seen: LongStep[] = [];
    let step = steps.next();
    for (; step.done !== true; step = steps.next(new Uint32Array())) seen.push(step.value);
    expect(seen[0]).toMatchObject({ kind: 'compile', constraint: { regex: 'ab*c' } });
    expect(seen.slice(1)).toEqual([...answer].map(() => ({ kind: 'pause' })));
    expect(step.value?.constraint?.accepts('c'.charCodeAt(0))).toBe(true);
    expect(step.value?.constraint?.accepts('a'.charCodeAt(0))).toBe(false);
  });

  it('does not go on without its grammar where there is no room to compile it', () => {
    const steps = restoreAnswerState(saved, answer, sampling, compile);
    steps.next();
    expect(() => steps.throw(new StarlingError('queue_full', 'full'))).toThrow(
      expect.objectContaining({ code: 'queue_full' }),
    );
  });

  it.each<[string, unknown]>([
    ['nothing', 7],
    ['another sampler', { choosing, sampler: { version: 1, stages: [] } }],
    ['another grammar', { choosing: { ...choosing, regex: 'z' }, sampler: saved.sampler }],
    ['no grammar', { choosing: { ...choosing, regex: '(' }, sampler: saved.sampler }],
  ])('begins anew where %s was stored', (_, unsound) => {
    const steps = restoreAnswerState(unsound as SavedAnswerState, answer, sampling, compile);
    let step = steps.next();
    while (step.done !== true) step = steps.next(new Uint32Array());
    expect(step.value).toBeUndefined();
  });
});
