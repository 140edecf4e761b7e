import { dryBreakers } from './dry-breakers.js';
import { Mt19937 } from './mt19937.js';
import type { SamplerParams } from './params.js';
import type { SamplerStage } from './stage.js';
import { chainNames, type ChainName, type StageName } from './stage-names.js';
import { AdaptivePStage } from './stages/adaptive-p.js';
import { BannedStringsStage } from './stages/banned-strings.js';
import { DrawStage } from './stages/draw.js';
import { DryStage } from './stages/dry.js';
import { dynamicTemperature } from './stages/dynamic-temperature.js';
import { infill } from './stages/infill.js';
import { logitBias, resolveLogitBias } from './stages/logit-bias.js';
import { mirostatV1, mirostatV2 } from './stages/mirostat.js';
import { PenaltiesStage } from './stages/penalties.js';
import { temperature } from './stages/temperature.js';
import { topNSigma } from './stages/top-n-sigma.js';
import { minP, topK, topP } from './stages/truncation.js';
import { typicalP } from './stages/typical-p.js';
import { XtcStage } from './stages/xtc.js';
import type { SamplerVocabulary } from './vocabulary.js';

/** Parameters with nothing left open. */
export type SamplerSettings = SamplerParams & { readonly seed: number };

/** Makes a stage for a chain, or none if it would do nothing with these settings. */
export type StageFactory = (settings: SamplerSettings, vocabulary: SamplerVocabulary) => SamplerStage | undefined;

const STAGES: Readonly<Record<Exclude<StageName, 'adaptiveP'>, StageFactory>> = {
  penalties: ({ repeatLastN: lastN, repeatPenalty: repeat, frequencyPenalty: frequency, presencePenalty: presence }) =>
    lastN === 0 || (repeat === 1 && frequency === 0 && presence === 0)
      ? undefined
      : new PenaltiesStage({ lastN, repeat, frequency, presence }),
  dry: (
    {
      dryMultiplier: multiplier,
      dryBase: base,
      dryAllowedLength: allowedLength,
      dryPenaltyLastN: lastN,
      drySequenceBreakers,
    },
    vocabulary,
  ) =>
    multiplier === 0 || lastN === 0
      ? undefined
      : new DryStage({ multiplier, base, allowedLength, lastN }, dryBreakers(drySequenceBreakers, vocabulary)),
  topNSigma: (p) => (p.topNSigma > 0 ? topNSigma(p.topNSigma) : undefined),
  topK: (p) => (p.topK > 0 ? topK(p.topK) : undefined),
  typicalP: (p) => (p.typicalP < 1 ? typicalP(p.typicalP, p.minKeep) : undefined),
  topP: (p) => (p.topP < 1 ? topP(p.topP, p.minKeep) : undefined),
  minP: (p) => (p.minP > 0 ? minP(p.minP, p.minKeep) : undefined),
  xtc: ({ xtcProbability: probability, xtcThreshold: threshold, minKeep, seed }) =>
    probability > 0 && threshold <= 0.5
      ? new XtcStage({ probability, threshold, minKeep }, new Mt19937(seed))
      : undefined,
  temperature: (p) => dynamicTemperature(p.temperature, p.dynatempRange, p.dynatempExponent),
  infill: (_, vocabulary) => infill(vocabulary),
};

/** A chain in its two parts. */
export interface Chain {
  /** Biases and bans, before everything else. */
  readonly restrictions: readonly SamplerStage[];
  /** Whether they are so many that they might leave no token at all. */
  readonly mayBanAll: boolean;
  /** The stages asked for, in the order asked for, then the choice. */
  readonly stages: readonly SamplerStage[];
}

/**
 * The chain of some parameters. A name that comes twice makes two stages. Mirostat replaces all between the bans and the choice by the
 * temperature, but what was asked for must be known all the same.
 * @throws StarlingError invalid_argument, naming the parameter
 */
export function buildChain(
  settings: SamplerSettings,
  vocabulary: SamplerVocabulary,
  own: Readonly<Record<string, StageFactory>>,
): Chain {
  const banned = [...(settings.ignoreEos ? vocabulary.endOfGeneration : []), ...(vocabulary.suppressed ?? [])];
  const biases = [
    ...resolveLogitBias(settings.logitBias, vocabulary),
    ...banned.map((id) => ({ id, bias: -Infinity })),
  ];
  const names = chainNames(settings.samplers, Object.keys(own));
  const hasBannedStrings = settings.bannedStrings.length > 0;
  return {
    restrictions: [
      ...(biases.length > 0 ? [logitBias(biases)] : []),
      ...(hasBannedStrings ? [new BannedStringsStage(settings.bannedStrings, vocabulary)] : []),
    ],
    mayBanAll: hasBannedStrings || biases.length >= vocabulary.size,
    stages:
      settings.mirostat === 0 ? namedStages(names, settings, vocabulary, own) : mirostatStages(settings, vocabulary),
  };
}

function namedStages(
  names: readonly ChainName[],
  settings: SamplerSettings,
  vocabulary: SamplerVocabulary,
  own: Readonly<Record<string, StageFactory>>,
): SamplerStage[] {
  const chain: SamplerStage[] = [];
  let adaptive = false;
  for (const name of names) {
    if (name.known === 'adaptiveP') {
      adaptive = true;
      continue;
    }
    const make = name.own === undefined ? STAGES[name.known] : own[name.own];
    const stage = make(settings, vocabulary);
    if (stage !== undefined) chain.push(stage);
  }
  const generator = new Mt19937(settings.seed);
  chain.push(
    adaptive
      ? new AdaptivePStage({ target: settings.adaptiveTarget, decay: settings.adaptiveDecay }, generator)
      : new DrawStage(generator),
  );
  return chain;
}

function mirostatStages(settings: SamplerSettings, vocabulary: SamplerVocabulary): SamplerStage[] {
  const target = { tau: settings.mirostatTau, eta: settings.mirostatEta };
  const generator = new Mt19937(settings.seed);
  const choice =
    settings.mirostat === 1 ? mirostatV1(target, vocabulary.size, generator) : mirostatV2(target, generator);
  return [temperature(settings.temperature), choice];
}
