import type { ModelInfo } from '@starling/transformer';
import { FakeModelRuntime, type FakeModelOptions } from '@starling/transformer/testing';
import type { ModelEvent } from '../src/events.js';
import { createLanguageModel, type LanguageModel } from '../src/language-model.js';
import type { ModelParts } from '../src/model-parts.js';
import { EOS, byteTokenizer } from '../src/testing/byte-tokenizer.js';

export interface FakeModel {
  readonly model: LanguageModel;
  readonly runtime: FakeModelRuntime;
  readonly events: ModelEvent[];
}

export interface FakeModelSetUp extends Partial<Omit<ModelParts, 'runtime'>> {
  readonly info?: Partial<ModelInfo>;
  readonly onStep?: FakeModelOptions['onStep'];
  readonly logits?: FakeModelOptions['logits'];
}

/** A model without weights over bytes. By default it counts up: after byte b comes b + 1. It drafts nothing unless it is told to: how much it would depends on how long steps take. */
export function fakeModel({ info, onStep, logits, speculation = false, ...parts }: FakeModelSetUp = {}): FakeModel {
  const runtime = new FakeModelRuntime({ info: { vocabSize: 259, ...info }, onStep, logits });
  const model = createLanguageModel({ name: 'fake', runtime, tokenizer: byteTokenizer(), speculation, ...parts });
  const events: ModelEvent[] = [];
  model.on((event) => events.push(event));
  return { model, runtime, events };
}

/** Logits of a model that answers every prompt with one text, then ends: whatever comes after the last line break is what it has said. */
export function saying(text: string): NonNullable<FakeModelOptions['logits']> {
  const answer = [...new TextEncoder().encode(text), EOS];
  return (logits, history) => {
    const said = history.length - 1 - history.lastIndexOf(10);
    logits.fill(-10);
    logits[answer[said] ?? EOS] = 10;
  };
}
