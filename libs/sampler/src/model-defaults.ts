import type { SamplerOptions } from './params.js';
import { stageNamed } from './stage-names.js';

const NUMBER_KEYS = {
  top_k: 'topK',
  top_p: 'topP',
  min_p: 'minP',
  xtc_probability: 'xtcProbability',
  xtc_threshold: 'xtcThreshold',
  temp: 'temperature',
  penalty_last_n: 'repeatLastN',
  penalty_repeat: 'repeatPenalty',
  mirostat: 'mirostat',
  mirostat_tau: 'mirostatTau',
  mirostat_eta: 'mirostatEta',
} as const satisfies Readonly<Record<string, keyof SamplerOptions>>;

/**
 * The sampling parameters that a model file recommends (`general.sampling.*` of its metadata): defaults between the library's own and
 * those of a request. `samplerDefaults(metadata)` then `{ ...defaults, ...request }`. Stages in its chain that nobody knows are left
 * out: who uses a file cannot change what it recommends.
 */
export function samplerDefaults(metadata: { get(key: string): unknown }): SamplerOptions {
  const defaults: Record<string, number | readonly string[]> = {};
  for (const [key, param] of Object.entries(NUMBER_KEYS)) {
    const raw = metadata.get(`general.sampling.${key}`);
    const value = typeof raw === 'string' ? Number.parseFloat(raw) : typeof raw === 'bigint' ? Number(raw) : raw;
    if (typeof value === 'number' && Number.isFinite(value)) defaults[param] = value;
  }
  const sequence = metadata.get('general.sampling.sequence');
  if (typeof sequence === 'string' && sequence !== '')
    defaults.samplers = sequence.split(';').filter((name) => stageNamed(name) !== undefined);
  return defaults;
}
