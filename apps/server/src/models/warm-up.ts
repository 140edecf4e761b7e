import type { EngineEvent, LanguageModel } from '@starling/engine';
import type { RequestLog } from '../parts.js';

const WARM_UP = 'warm-up';

/**
 * Lets a model compute a little, so that the first request does not pay for what is compiled and started once. What goes wrong is told to the log: the
 * model may answer all the same.
 */
export async function warmUp(model: LanguageModel, log: Pick<RequestLog, 'warn'>): Promise<void> {
  try {
    if (model.info.hasLogits)
      await model
        .generate({ id: WARM_UP, tenant: WARM_UP, prompt: 'Once upon a time', temperature: 0, maxTokens: 2 })
        .result();
  } catch (error) {
    log.warn({ err: error, model: model.info.name }, 'a model could not be warmed up');
  }
}

/** What a model tells of such a request. */
export const isWarmUp = (event: EngineEvent): boolean => 'id' in event && event.id === WARM_UP;
