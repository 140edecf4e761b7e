import type { KvCache } from '@starling/kvcache';
import type { Scheduler } from '@starling/scheduler';
import type { ModelEvent } from './events.js';

export interface EventSources {
  /** What the model is called in events. */
  readonly name: string;
  readonly scheduler: Scheduler;
  readonly cache: KvCache;
  readonly emit: (event: ModelEvent) => void;
  /** There may be work again. */
  readonly wake: () => void;
}

/** Tells what scheduler and cache tell of a model, in their words. */
export function joinEvents({ name: model, scheduler, cache, emit, wake }: EventSources): void {
  scheduler.on((event) => {
    switch (event.kind) {
      case 'sequence_ready':
        wake();
        break;
      case 'request_dropped':
      case 'request_paused':
      case 'request_preempted':
      case 'step_estimated':
        emit({ ...event, model });
        break;
    }
  });
  cache.on((event) => {
    if (event.kind === 'pages_released') wake();
    else emit({ ...event, model });
  });
}
