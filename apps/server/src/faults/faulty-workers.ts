import { nodeWorkers } from '@starling/kernels/node';
import type { TeamWorker, WorkerFactory } from '@starling/kernels';

/** Compute threads that can be made to die, or to do nothing more without a word. */
export class FaultyWorkers implements WorkerFactory {
  readonly #factory = nodeWorkers();
  readonly #live = new Set<{ readonly worker: TeamWorker; isSilent: boolean }>();

  spawn(): TeamWorker {
    const worker = this.#factory.spawn();
    const member = { worker, isSilent: false };
    this.#live.add(member);
    return {
      post: (message) => worker.post(message),
      onReport: (listener) => worker.onReport(listener),
      onEnd: (listener) =>
        worker.onEnd((reason) => {
          this.#live.delete(member);
          if (!member.isSilent) listener(reason);
        }),
      keepAlive: (on) => worker.keepAlive(on),
      terminate: () => worker.terminate(),
    };
  }

  /** One thread ends. */
  async endOne(): Promise<void> {
    for (const { worker } of [...this.#live].slice(0, 1)) await worker.terminate();
  }

  /** To whom they belong, all look alive. */
  async silenceAll(): Promise<void> {
    for (const member of [...this.#live]) {
      member.isSilent = true;
      await member.worker.terminate();
    }
  }
}
