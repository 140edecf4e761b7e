import { registerApplyTemplate } from './apply-template.js';
import { registerBench } from './bench.js';
import { registerConfig } from './config.js';
import { registerImatrix } from './imatrix.js';
import { registerInspect } from './inspect.js';
import { registerKeys } from './keys.js';
import { registerLogits } from './logits.js';
import { registerPerplexity } from './perplexity.js';
import type { RegisterCommand } from './program.js';
import { registerQuantize } from './quantize.js';
import { registerRegistry } from './registry.js';
import { registerRun } from './run.js';
import { registerServe } from './serve.js';
import { registerTokenize } from './tokenize.js';
import { registerTop } from './top.js';

/** Every command, in the order of the help. */
export const COMMANDS: readonly RegisterCommand[] = [
  registerServe,
  registerRun,
  registerBench,
  registerLogits,
  registerPerplexity,
  registerTokenize,
  registerApplyTemplate,
  registerInspect,
  registerImatrix,
  registerQuantize,
  registerRegistry,
  registerKeys,
  registerConfig,
  registerTop,
];
