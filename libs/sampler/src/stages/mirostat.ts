import type { Candidates } from '../candidates.js';
import { log2f, logf, powf, truncateToInt32 } from '../exp.js';
import { Mt19937 } from '../mt19937.js';
import type { SamplerStage, StageState } from '../stage.js';
import { drawDiscrete } from './draw.js';

const { fround, max } = Math;

/** How many of the most likely tokens the first version estimates the exponent of Zipf's law from. */
const ZIPF_TOKENS = 100;

/** The target surprise in bits, and how fast to go there. */
export interface MirostatSettings {
  readonly tau: number;
  readonly eta: number;
}

/** Makes too surprising candidates go, by the state `mu`. The candidates are sorted and have probabilities. */
type Truncation = (candidates: Candidates, mu: number) => void;

/**
 * Mirostat: chooses a token so that the surprise of the text stays near `tau`: less likely candidates go by a limit `mu`, which
 * follows the surprise of the tokens drawn. It is the last stage of its chain. (Basu et al., "Mirostat", 2021)
 */
export class MirostatStage implements SamplerStage {
  private mu: number;

  constructor(
    readonly name: string,
    private readonly settings: MirostatSettings,
    private readonly truncate: Truncation,
    private generator: Mt19937,
  ) {
    this.mu = fround(2 * settings.tau);
  }

  apply(candidates: Candidates): void {
    candidates.sort();
    candidates.softmax();
    this.truncate(candidates, this.mu);
    candidates.softmax();
    const selected = drawDiscrete(candidates, this.generator);
    candidates.selected = selected;
    const surprise = -log2f(candidates.probabilities[selected]);
    const error = fround(surprise - this.settings.tau);
    this.mu = fround(this.mu - fround(this.settings.eta * error));
  }

  fork(): MirostatStage {
    const copy = new MirostatStage(this.name, this.settings, this.truncate, this.generator.fork());
    copy.mu = this.mu;
    return copy;
  }

  save(): StageState {
    return { mu: this.mu, ...this.generator.save() };
  }

  restore(state: StageState): void {
    this.mu = state.mu as number;
    this.generator = Mt19937.restore({ seed: state.seed as number, drawn: state.drawn as number });
  }
}

/** Version 1: keeps the k most likely, k by Zipf's law with an exponent estimated from the candidates. */
export function mirostatV1(settings: MirostatSettings, vocabularySize: number, generator: Mt19937): MirostatStage {
  return new MirostatStage(
    'mirostat',
    settings,
    (candidates, mu) => keepByZipf(candidates, mu, vocabularySize),
    generator,
  );
}

/** Version 2: keeps the candidates whose surprise is at most mu, but at least one. */
export function mirostatV2(settings: MirostatSettings, generator: Mt19937): MirostatStage {
  return new MirostatStage('mirostatV2', settings, keepUnsurprising, generator);
}

function keepByZipf(candidates: Candidates, mu: number, vocabularySize: number): void {
  const { probabilities, size } = candidates;
  let products = 0;
  let squares = 0;
  for (let i = 0; i < ZIPF_TOKENS - 1 && i < size - 1; i++) {
    const rank = logf(fround((i + 2) / (i + 1)));
    const ratio = logf(fround(probabilities[i] / probabilities[i + 1]));
    products = fround(products + fround(rank * ratio));
    squares = fround(squares + fround(rank * rank));
  }
  const exponent = fround(products / squares);
  const excess = fround(exponent - 1);
  const above = fround(excess * powf(2, mu));
  const below = fround(1 - powf(vocabularySize, -excess));
  const k = powf(fround(above / below), fround(1 / exponent));
  candidates.keepTop(max(truncateToInt32(k), 1));
}

function keepUnsurprising(candidates: Candidates, mu: number): void {
  const { probabilities, size } = candidates;
  let kept = 0;
  while (kept < size && !(-log2f(probabilities[kept]) > mu)) kept++;
  candidates.size = max(kept, 1);
}
