import { Mt19937 } from './mt19937.js';
import type { SamplerParams } from './params.js';
import type { SamplerStage } from './stage.js';
import { DrawStage } from './stages/draw.js';
import { PenaltiesStage } from './stages/penalties.js';
import { temperature } from './stages/temperature.js';
import { minP, topK, topP } from './stages/truncation.js';
import type { SamplerVocabulary } from './vocabulary.js';

/** Parameters with nothing left open. */
export type SamplerSettings = SamplerParams & { readonly seed: number };

/** Makes a stage for a chain. */
export type StageFactory = (settings: SamplerSettings, vocabulary: SamplerVocabulary) => SamplerStage;

const STAGES: Readonly<Record<string, StageFactory>> = {
  penalties: (p) => new PenaltiesStage({ lastN: p.repeatLastN, repeat: p.repeatPenalty, frequency: p.frequencyPenalty, presence: p.presencePenalty }),
  top_k: (p) => topK(p.topK),
  top_p: (p) => topP(p.topP, p.minKeep),
  min_p: (p) => minP(p.minP, p.minKeep),
  temperature: (p) => temperature(p.temperature),
};

/** The stages in the order asked for, and the draw. */
export function buildChain(settings: SamplerSettings, vocabulary: SamplerVocabulary, own: Readonly<Record<string, StageFactory>>): SamplerStage[] {
  const chain: SamplerStage[] = [];
  for (const name of settings.samplers) {
    const make = own[name] ?? STAGES[name];
    if (make !== undefined) chain.push(make(settings, vocabulary));
  }
  chain.push(new DrawStage(new Mt19937(settings.seed)));
  return chain;
}
