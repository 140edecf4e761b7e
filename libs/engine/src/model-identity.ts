import type { ModelIdentity } from '@starling/kvcache';
import type { Scheduler } from '@starling/scheduler';
import { speculationOf } from './drafting/speculation-options.js';
import type { ModelParts } from './model-parts.js';
import type { EngineModelInfo } from './model-types.js';

/** What pages of a model can be read with: whatever changes the meaning of their bytes, or the numbers that are computed. */
export function identityOf({ name, weightsDigest, runtime: { info, stateBytes } }: ModelParts): ModelIdentity {
  const { pageTokens, pageBytes, windowed, contextLength, kernelBuild } = info;
  return {
    weights: weightsDigest ?? `of ${name}`,
    kvType: info.kvType,
    layout: `pages of ${pageTokens} tokens and ${pageBytes} bytes${windowed ? `, of windowed layers ${windowed.pageBytes} and a window of ${windowed.window}` : ''}, states of ${stateBytes}, context ${contextLength}, kernels ${kernelBuild}`,
  };
}

/** The runtime's figures, and what the engine knows beside. */
export function infoOf(
  { name, source = 'memory', runtime, chatTemplate, speculation }: ModelParts,
  scheduler: Scheduler,
): EngineModelInfo {
  return {
    ...runtime.info,
    name,
    source,
    hasChatTemplate: chatTemplate !== undefined,
    draftTokens: runtime.info.hasLogits ? (speculationOf(speculation)?.maxTokens ?? 0) : 0,
    get sequenceLimit() {
      return scheduler.sequenceLimit;
    },
  };
}
