import { StarlingError } from '@starling/core';
import type { LoadOptions } from '@starling/engine';
import type { SpillEvent, SpillStore } from '@starling/kvcache';
import { VERSION, isFromSources } from '../version.js';
import { FaultPlan } from './fault-plan.js';
import { faultyRuntime } from './faulty-runtime.js';
import { faultySpillStore } from './faulty-spill-store.js';
import { FaultyWorkers } from './faulty-workers.js';

/** The variable that says what is to go wrong. */
export const FAULTS_VARIABLE = 'STARLING_FAULTS';

/** Parts of the server that fail as they are told, in place of its own. */
export interface FaultInjection {
  readonly loading: Pick<LoadOptions, 'workers' | 'wrapRuntime'>;
  wrapStore(store: SpillStore, note: (event: SpillEvent) => void): SpillStore;
}

/**
 * What the environment asks to go wrong; undefined: nothing. A server that was built for use refuses it.
 * @throws StarlingError invalid_argument if it was, or if the faults cannot be read
 */
export function faultsOf(
  environment: Readonly<Record<string, string | undefined>>,
  mayFail = isFromSources,
): FaultInjection | undefined {
  const text = environment[FAULTS_VARIABLE];
  if (!text) return undefined;
  if (!mayFail)
    throw new StarlingError(
      'invalid_argument',
      `${FAULTS_VARIABLE} has a server fail on purpose, which Starling ${VERSION} does not: only one that runs from its sources does`,
      { details: { variable: FAULTS_VARIABLE } },
    );
  const plan = new FaultPlan(text);
  const workers = new FaultyWorkers();
  return {
    loading: { workers, wrapRuntime: (runtime) => faultyRuntime(runtime, plan, workers) },
    wrapStore: (store, note) => faultySpillStore(store, plan, note),
  };
}
