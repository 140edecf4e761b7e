export { Scheduler, type SchedulerOptions } from './scheduler.js';
export type { QueueLimits } from './admission.js';
export type { SchedulerEvent, SchedulerStatistics } from './events.js';
export type { ModelRunner, RunnerLimits, SequenceInput, StepOutput } from './model-runner.js';
export type { SequenceEnd, SequenceHandle, SequenceRequest, SequenceState } from './sequence.js';
export type { PlannedSequence, StepPlan } from './step-plan.js';
