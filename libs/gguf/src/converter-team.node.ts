import fs from 'node:fs';
import os from 'node:os';
import { Worker } from 'node:worker_threads';
import { StarlingError, type ErrorCode } from '@starling/core';
import type { ConvertReply } from './convert-worker.node.js';
import { ownThread, type RowConversion, type RowConverter } from './row-converter.js';

/** Beside this code where it is published or bundled, in build/ where it runs from the sources. */
const ENTRY_PLACES = ['./convert-worker.node.js', '../build/convert-worker.node.js'];

interface Job {
  readonly conversion: RowConversion;
  readonly resolve: (converted: Uint8Array<ArrayBuffer>) => void;
  readonly reject: (error: Error) => void;
}

/** A converter that holds threads. */
export interface ConverterTeam extends RowConverter {
  /** Ends the threads; conversions that are not done fail with `closed`. */
  close(): Promise<void>;
}

/**
 * Threads that convert rows side by side.
 * @param threads how many; by default one for each processor that is at hand. With 1, or where the threads' file was not built, all is
 *   done in this thread, with the same bytes
 */
export function convertInThreads(threads: number = os.availableParallelism()): ConverterTeam {
  const entry = ENTRY_PLACES.map((place) => new URL(place, import.meta.url)).find((place) => fs.existsSync(place));
  return threads > 1 && entry ? new WorkerTeam(entry, threads) : { ...ownThread, close: async () => undefined };
}

class WorkerTeam implements ConverterTeam {
  readonly width: number;
  readonly #workers: readonly Worker[];
  readonly #idle: Worker[];
  readonly #running = new Map<Worker, Job>();
  readonly #waiting: Job[] = [];
  #ended: StarlingError | undefined;

  constructor(entry: URL, threads: number) {
    // While some are computed, the next are read.
    this.width = 2 * threads;
    this.#workers = Array.from({ length: threads }, () => this.#spawn(entry));
    this.#idle = [...this.#workers];
  }

  convert(conversion: RowConversion): Promise<Uint8Array<ArrayBuffer>> {
    return new Promise((resolve, reject) => {
      if (this.#ended) throw this.#ended;
      this.#waiting.push({ conversion, resolve, reject });
      this.#next();
    });
  }

  async close(): Promise<void> {
    this.#end(new StarlingError('closed', 'the converter was closed before it was done'));
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #spawn(entry: URL): Worker {
    const worker = new Worker(entry, { name: 'starling-convert' });
    let reason = 'it ended';
    worker.on('error', (error) => void (reason = error.message));
    worker.on('message', (reply: ConvertReply) => this.#settle(worker, reply));
    worker.on('exit', () =>
      this.#end(new StarlingError('internal', `a thread that converts tensors failed: ${reason}`)),
    );
    return worker;
  }

  #next(): void {
    while (this.#idle.length > 0 && this.#waiting.length > 0) {
      const [worker, job] = [this.#idle.pop()!, this.#waiting.shift()!];
      this.#running.set(worker, job);
      worker.postMessage(job.conversion, [job.conversion.bytes.buffer]);
    }
  }

  #settle(worker: Worker, reply: ConvertReply): void {
    const job = this.#running.get(worker);
    this.#running.delete(worker);
    this.#idle.push(worker);
    if ('converted' in reply) job?.resolve(reply.converted);
    else job?.reject(new StarlingError(reply.code as ErrorCode, reply.message));
    this.#next();
  }

  #end(error: StarlingError): void {
    if (this.#ended) return;
    this.#ended = error;
    for (const { reject } of [...this.#running.values(), ...this.#waiting.splice(0)]) reject(error);
    this.#running.clear();
  }
}
