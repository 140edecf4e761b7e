import { StarlingError, nearestName, printable } from '@starling/core';
import { afmoe } from '../archs/afmoe.js';
import { apertus } from '../archs/apertus.js';
import { arcee } from '../archs/arcee.js';
import { arctic } from '../archs/arctic.js';
import { baichuan } from '../archs/baichuan.js';
import { bailingmoe3 } from '../archs/bailingmoe3.js';
import { bert, jinaBertV2, jinaBertV3, nomicBert, nomicBertMoe } from '../archs/bert.js';
import { bitnet } from '../archs/bitnet.js';
import { bloom } from '../archs/bloom.js';
import { chameleon } from '../archs/chameleon.js';
import { codeshell } from '../archs/codeshell.js';
import { cohere2, cohere2moe } from '../archs/cohere2.js';
import { commandR } from '../archs/command-r.js';
import { deci } from '../archs/deci.js';
import { deepseek2, deepseek32, glmDsa, mistral4 } from '../archs/deepseek2.js';
import { dots3note } from '../archs/dots3note.js';
import { exaone4 } from '../archs/exaone4.js';
import { falcon } from '../archs/falcon.js';
import { falconH1 } from '../archs/falcon-h1.js';
import { gemma } from '../archs/gemma.js';
import { gemma2 } from '../archs/gemma2.js';
import { gemma3, gemmaEmbedding } from '../archs/gemma3.js';
import { gemma3n } from '../archs/gemma3n.js';
import { gemma4 } from '../archs/gemma4.js';
import { glm4 } from '../archs/glm4.js';
import { gptOss } from '../archs/gpt-oss.js';
import { gpt2, starcoder } from '../archs/gpt2.js';
import { gptj } from '../archs/gptj.js';
import { gptneox } from '../archs/gptneox.js';
import { granite, graniteHybrid, graniteMoe, graniteSwa } from '../archs/granite.js';
import { grok } from '../archs/grok.js';
import { grovemoe } from '../archs/grovemoe.js';
import { hrmText } from '../archs/hrm-text.js';
import { hunyuanDense, hunyuanMoe, hunyuanVl } from '../archs/hunyuan.js';
import { hyV4 } from '../archs/hy-v4.js';
import { internlm2 } from '../archs/internlm2.js';
import { jais, jais2 } from '../archs/jais.js';
import { kimiK3 } from '../archs/kimi-k3.js';
import { kimiLinear } from '../archs/kimi-linear.js';
import { laguna } from '../archs/laguna.js';
import { lfm2, lfm2moe } from '../archs/lfm2.js';
import { llama } from '../archs/llama.js';
import { llamaKin } from '../archs/llama-kin.js';
import { llama4 } from '../archs/llama4.js';
import { jamba, mamba } from '../archs/mamba.js';
import { mamba2 } from '../archs/mamba2.js';
import { mimo2 } from '../archs/mimo2.js';
import { minicpm } from '../archs/minicpm.js';
import { minicpm3 } from '../archs/minicpm3.js';
import { minimax01 } from '../archs/minimax-01.js';
import { minimaxM3 } from '../archs/minimax-m3.js';
import { mistral3 } from '../archs/mistral3.js';
import { mixtureKin } from '../archs/mixture-kin.js';
import { modernBert } from '../archs/modern-bert.js';
import { mpt } from '../archs/mpt.js';
import { museGlimmer } from '../archs/muse-glimmer.js';
import { nanbeige } from '../archs/nanbeige.js';
import { nemotron } from '../archs/nemotron.js';
import { nemotronH, nemotronHMoe } from '../archs/nemotron-h.js';
import { olmo } from '../archs/olmo.js';
import { olmo2 } from '../archs/olmo2.js';
import { olmoe } from '../archs/olmoe.js';
import { phi2 } from '../archs/phi2.js';
import { phi3 } from '../archs/phi3.js';
import { phimoe } from '../archs/phimoe.js';
import { plamo, plamo3 } from '../archs/plamo.js';
import { plamo2 } from '../archs/plamo2.js';
import { plm } from '../archs/plm.js';
import { qwen2 } from '../archs/qwen2.js';
import { qwen2moe } from '../archs/qwen2moe.js';
import { maincoder, openelm, qwen3, qwen3vl } from '../archs/qwen3.js';
import { qwen3moe } from '../archs/qwen3moe.js';
import { qwen35, qwen35moe, qwen3next } from '../archs/qwen3next.js';
import { qwen4exp } from '../archs/qwen4exp.js';
import { refact } from '../archs/refact.js';
import { eurobert, llamaEmbed, neoBert } from '../archs/rotary-encoders.js';
import { smallthinker } from '../archs/smallthinker.js';
import { arwkv7, rwkv6, rwkv6qwen2, rwkv7 } from '../archs/rwkv.js';
import { smollm3 } from '../archs/smollm3.js';
import { spark } from '../archs/spark.js';
import { stablelm } from '../archs/stablelm.js';
import { starcoder2 } from '../archs/starcoder2.js';
import { step35 } from '../archs/step35.js';
import { t5, t5encoder } from '../archs/t5.js';
import { talkie } from '../archs/talkie.js';
import type { Architecture } from './architecture.js';

const all: readonly Architecture[] = [
  afmoe,
  apertus,
  arcee,
  arctic,
  baichuan,
  bailingmoe3,
  bert,
  bitnet,
  bloom,
  chameleon,
  codeshell,
  cohere2,
  cohere2moe,
  commandR,
  deci,
  deepseek2,
  deepseek32,
  dots3note,
  eurobert,
  exaone4,
  falcon,
  falconH1,
  gemma,
  gemma2,
  gemma3,
  gemma3n,
  gemma4,
  gemmaEmbedding,
  glm4,
  glmDsa,
  gpt2,
  gptj,
  gptneox,
  gptOss,
  granite,
  graniteHybrid,
  graniteMoe,
  graniteSwa,
  grok,
  grovemoe,
  hrmText,
  hunyuanDense,
  hunyuanMoe,
  hunyuanVl,
  hyV4,
  internlm2,
  jais,
  jais2,
  jamba,
  jinaBertV2,
  jinaBertV3,
  kimiK3,
  kimiLinear,
  laguna,
  lfm2,
  lfm2moe,
  llama,
  llama4,
  llamaEmbed,
  maincoder,
  mamba,
  mamba2,
  mimo2,
  minicpm,
  minicpm3,
  minimax01,
  minimaxM3,
  mistral3,
  mistral4,
  modernBert,
  mpt,
  museGlimmer,
  nanbeige,
  nemotron,
  nemotronH,
  nemotronHMoe,
  neoBert,
  nomicBert,
  nomicBertMoe,
  olmo,
  olmo2,
  olmoe,
  openelm,
  phi2,
  phi3,
  phimoe,
  plamo,
  plamo2,
  plamo3,
  plm,
  qwen2,
  qwen2moe,
  qwen3,
  qwen35,
  qwen35moe,
  qwen3moe,
  qwen3next,
  qwen3vl,
  qwen4exp,
  refact,
  smallthinker,
  arwkv7,
  rwkv6,
  rwkv6qwen2,
  rwkv7,
  smollm3,
  spark,
  stablelm,
  starcoder,
  starcoder2,
  step35,
  t5,
  t5encoder,
  talkie,
  ...llamaKin,
  ...mixtureKin,
];

/** All architectures that can be loaded, by name. */
export const architectures: readonly Architecture[] = [...all].sort((a, b) => (a.name < b.name ? -1 : 1));

const byName: ReadonlyMap<string, Architecture> = new Map(all.map((architecture) => [architecture.name, architecture]));

/** Names of all architectures that can be loaded. */
export const architectureNames: readonly string[] = architectures.map(({ name }) => name);

/** Keys whose product is the longest context for which results of an architecture are right; none if there is no limit. */
export const contextLimitKeysOf = (name: string | undefined): readonly string[] =>
  (byName.get(name ?? '')?.contextLimitKeys ?? []).map((key) => `${name}.${key}`);

/** Whether sequences of an architecture are a text that is read and one that is written. */
export const hasTwoTexts = (name: string | undefined): boolean => byName.get(name ?? '')?.hasTwoTexts ?? false;

/**
 * The architecture with this name.
 * @throws StarlingError `unsupported_model` that names the file and the nearest supported architecture
 */
export function architectureNamed(name: string | undefined, file: string): Architecture {
  if (name === undefined)
    throw new StarlingError('invalid_model_file', `'${file}' lacks the metadata key 'general.architecture'.`, {
      details: { file, key: 'general.architecture' },
    });
  const found = byName.get(name);
  if (found) return found;
  const nearest = nearestName(name, architectureNames);
  const hint = nearest === undefined ? '' : `; the nearest that is: '${nearest}'`;
  throw new StarlingError(
    'unsupported_model',
    `'${file}' has the architecture '${printable(name)}', which is not supported${hint}. Supported are: ${architectureNames.join(', ')}.`,
    {
      details: { file, architecture: name, nearest, supported: architectureNames },
    },
  );
}
