import { StarlingError } from '@starling/core';
import { arcee } from '../archs/arcee.js';
import { bert } from '../archs/bert.js';
import { bloom } from '../archs/bloom.js';
import { cohere2 } from '../archs/cohere2.js';
import { commandR } from '../archs/command-r.js';
import { deepseek2 } from '../archs/deepseek2.js';
import { exaone4 } from '../archs/exaone4.js';
import { falcon } from '../archs/falcon.js';
import { falconH1 } from '../archs/falcon-h1.js';
import { gemma } from '../archs/gemma.js';
import { gemma2 } from '../archs/gemma2.js';
import { gemma3 } from '../archs/gemma3.js';
import { glm4 } from '../archs/glm4.js';
import { gptOss } from '../archs/gpt-oss.js';
import { gpt2 } from '../archs/gpt2.js';
import { gptneox } from '../archs/gptneox.js';
import { granite, graniteHybrid, graniteMoe } from '../archs/granite.js';
import { internlm2 } from '../archs/internlm2.js';
import { lfm2 } from '../archs/lfm2.js';
import { llama } from '../archs/llama.js';
import { mamba2 } from '../archs/mamba2.js';
import { minicpm } from '../archs/minicpm.js';
import { mistral3 } from '../archs/mistral3.js';
import { mpt } from '../archs/mpt.js';
import { nemotron } from '../archs/nemotron.js';
import { nomicBert } from '../archs/nomic-bert.js';
import { olmo2 } from '../archs/olmo2.js';
import { olmoe } from '../archs/olmoe.js';
import { phi2 } from '../archs/phi2.js';
import { phi3 } from '../archs/phi3.js';
import { phimoe } from '../archs/phimoe.js';
import { qwen2 } from '../archs/qwen2.js';
import { qwen2moe } from '../archs/qwen2moe.js';
import { qwen3 } from '../archs/qwen3.js';
import { qwen3moe } from '../archs/qwen3moe.js';
import { qwen35, qwen35moe, qwen3next } from '../archs/qwen3next.js';
import { smollm3 } from '../archs/smollm3.js';
import { stablelm } from '../archs/stablelm.js';
import { starcoder2 } from '../archs/starcoder2.js';
import type { Architecture } from './architecture.js';

const all: readonly Architecture[] = [
  arcee,
  bert,
  bloom,
  cohere2,
  commandR,
  deepseek2,
  exaone4,
  falcon,
  falconH1,
  gemma,
  gemma2,
  gemma3,
  glm4,
  gpt2,
  gptOss,
  gptneox,
  granite,
  graniteHybrid,
  graniteMoe,
  internlm2,
  lfm2,
  llama,
  mamba2,
  minicpm,
  mistral3,
  mpt,
  nemotron,
  nomicBert,
  olmo2,
  olmoe,
  phi2,
  phi3,
  phimoe,
  qwen2,
  qwen2moe,
  qwen3,
  qwen3moe,
  qwen3next,
  qwen35,
  qwen35moe,
  smollm3,
  stablelm,
  starcoder2,
];

const byName: ReadonlyMap<string, Architecture> = new Map(all.map((architecture) => [architecture.name, architecture]));

/** Names of all architectures that can be loaded. */
export const architectureNames: readonly string[] = all.map(({ name }) => name).sort();

/**
 * The architecture with this name.
 * @throws StarlingError `unsupported_model` that names the file and the nearest supported architecture
 */
export function architectureNamed(name: string | undefined, file: string): Architecture {
  if (name === undefined) throw new StarlingError('invalid_model_file', `'${file}' lacks the metadata key 'general.architecture'.`, { details: { file, key: 'general.architecture' } });
  const found = byName.get(name);
  if (found) return found;
  const nearest = [...architectureNames].sort((a, b) => editDistance(name, a) - editDistance(name, b))[0];
  throw new StarlingError('unsupported_model', `'${file}' has the architecture '${name}', which is not supported; the nearest that is: '${nearest}'.`, {
    details: { file, architecture: name, nearest, supported: architectureNames },
  });
}

/** Levenshtein's distance: insertions, deletions and replacements that turn one word into the other. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length];
}
