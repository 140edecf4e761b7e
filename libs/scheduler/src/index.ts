export {
  StepRunner,
  asStarlingError,
  runSteps,
  type RowTaker,
  type StepHooks,
  type StepMachine,
  type StepReport,
} from './step-runner.js';
export { Scheduler } from './scheduler.js';
export type { SchedulerOptions } from './scheduler-options.js';
export type { QueueLimits } from './admission.js';
export type { Draft } from './draft.js';
export type { DraftBudgetOptions, DraftOutlook } from './draft-budget.js';
export type { TenantStatistics } from './tenant-statistics.js';
export type { DropReason, SchedulerEvent, WorkEvent, RefusalCode, SchedulerStatistics } from './events.js';
export type { ModelRunner, RunnerLimits, SequenceInput, StepOutput } from './model-runner.js';
export type { SequenceEnd, SequenceHandle, SequenceRequest, SequenceState } from './sequence.js';
export type { SchedulingTerms } from './scheduling-terms.js';
export type { TenantLimits } from './tenant-limits.js';
export type { PlannedSequence, StateSave, StepPlan } from './step-plan.js';
