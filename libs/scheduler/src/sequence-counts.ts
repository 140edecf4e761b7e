import type { SchedulerStatistics } from './events.js';
import type { RunSet } from './run-set.js';
import type { ScheduledSequence } from './sequence.js';

/** How many sequences are where; those of the owner's own are in one count only. */
export function countsOf(
  set: RunSet,
): Pick<SchedulerStatistics, 'queued' | 'queuedTokens' | 'running' | 'suspended' | 'restoring' | 'internal'> {
  const { running, suspended, restoring, queue } = set;
  const asked = (all: Iterable<ScheduledSequence>): ScheduledSequence[] =>
    [...all].filter(({ request }) => request.isInternal !== true);
  const waiting = [...asked(queue), ...asked(restoring.keys())];
  return {
    queued: waiting.length,
    queuedTokens: waiting.reduce((sum, { promptLength }) => sum + promptLength, 0),
    running: asked(running).length,
    suspended: asked(suspended).length,
    restoring: asked(restoring.keys()).length,
    internal: set.size - asked(set.all()).length,
  };
}
