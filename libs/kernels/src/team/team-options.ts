import type { ComputeMemory } from '../memory/compute-memory.js';
import type { KernelRef } from '../program/program.js';
import type { ComputeTurns } from './compute-turns.js';
import type { NamedModules } from './kernel-binding.js';
import type { WorkerFactory } from './worker-protocol.js';

/** What a team is made of. */
export interface TeamOptions {
  /** The first one starts with the control block. */
  readonly memories: readonly ComputeMemory[];
  readonly modules: NamedModules;
  readonly kernels: readonly KernelRef[];
  /** (threads, memories): where each worker's scratch is. */
  readonly scratch: readonly (readonly number[])[];
  /** How to start threads. Without it there is one member, the calling thread itself, and `run` works before it returns. */
  readonly workers?: WorkerFactory;
  /** Milliseconds without any progress of a step after which its workers count as hung and are replaced. Default 60,000; Infinity: never. */
  readonly stallMs?: number;
  /** Turns of all teams that have the same cores; one without workers takes none. Default: it computes whenever it is asked. */
  readonly turns?: ComputeTurns;
}
