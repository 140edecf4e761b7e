import { Worker } from 'node:worker_threads';

/** Calls of one export, one list of arguments after another. */
export interface Job {
  readonly name: string;
  /** For each thread its calls. */
  readonly calls: readonly (readonly (readonly number[])[])[];
}

/** Words of the shared control array. */
const READY = 0;
const GO = 1;
const DONE = 2;

/** Plain JavaScript, so that it needs no loader. Times itself from the common start to its own end. */
const workerSource = `
const { workerData, parentPort } = require('node:worker_threads');
const { modules, memory, control, thread } = workerData;
const words = new Int32Array(control);
const exported = {};
for (const module of modules) Object.assign(exported, new WebAssembly.Instance(module, { env: { memory } }).exports);
parentPort.on('message', ({ name, calls, step }) => {
  const run = exported[name];
  Atomics.add(words, ${READY}, 1);
  while (Atomics.load(words, ${GO}) !== step);
  const start = process.hrtime.bigint();
  for (const args of calls) run(...args);
  const end = process.hrtime.bigint();
  Atomics.add(words, ${DONE}, 1);
  parentPort.postMessage({ start, end });
});
`;

/** Threads that run exports of WebAssembly modules over one shared memory at the same time. */
export class BenchThreads {
  readonly #workers: Worker[];
  readonly #words: Int32Array;
  #step = 0;

  constructor(count: number, modules: readonly WebAssembly.Module[], memory: WebAssembly.Memory) {
    const control = new SharedArrayBuffer(64);
    this.#words = new Int32Array(control);
    this.#workers = Array.from(
      { length: count },
      (_, thread) => new Worker(workerSource, { eval: true, workerData: { modules, memory, control, thread } }),
    );
  }

  /** Runs a job on as many threads as it has lists of calls; gives the seconds from the common start to the last end. */
  async run({ name, calls }: Job): Promise<number> {
    const words = this.#words;
    const step = ++this.#step;
    Atomics.store(words, READY, 0);
    Atomics.store(words, DONE, 0);
    const active = this.#workers.slice(0, calls.length);
    const times = active.map(
      (worker) => new Promise<{ start: bigint; end: bigint }>((resolve) => worker.once('message', resolve)),
    );
    active.forEach((worker, i) => worker.postMessage({ name, calls: calls[i], step }));
    while (Atomics.load(words, READY) < active.length) await new Promise((resolve) => setTimeout(resolve, 1));
    Atomics.store(words, GO, step);
    const spans = await Promise.all(times);
    const start = spans.reduce((least, { start: at }) => (at < least ? at : least), spans[0].start);
    const end = spans.reduce((most, { end: at }) => (at > most ? at : most), spans[0].end);
    return Number(end - start) / 1e9;
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}
