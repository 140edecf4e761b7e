import type { KernelRef } from '../program/program.js';
import type { NamedModules } from './kernel-binding.js';

/** The one message a worker gets; afterwards all goes through the control block. */
export interface StartMessage {
  readonly kind: 'start';
  readonly memories: readonly WebAssembly.Memory[];
  readonly modules: NamedModules;
  readonly kernels: readonly KernelRef[];
  /** The module of buildCursorModule. */
  readonly cursor: WebAssembly.Module;
  /** Address of this worker's own word in the control block. */
  readonly phaseAddress: number;
  /** For each memory the address of this worker's scratch. */
  readonly scratch: readonly number[];
  readonly threads: number;
  /** Number of the newest step announced so far: the worker waits for the next. */
  readonly announced: number;
}

/** What a worker reports. After `failed` it does nothing more. */
export type WorkerReport = { readonly kind: 'ready' } | { readonly kind: 'failed'; readonly reason: string };

/** A thread that can become a member of a team. */
export interface TeamWorker {
  post(message: StartMessage): void;
  /** Called for each report. */
  onReport(listener: (report: WorkerReport) => void): void;
  /** Called once if the thread ends for any reason, with the reason. */
  onEnd(listener: (reason: string) => void): void;
  /** Whether this thread keeps the process alive: while a step is under way it must. */
  keepAlive(on: boolean): void;
  terminate(): Promise<void>;
}

/** How a platform starts threads. */
export interface WorkerFactory {
  spawn(): TeamWorker;
}
