import { parentPort, workerData } from 'node:worker_threads';
import { openGgufFile } from '@starling/gguf/node';
import { tokenizerFromGguf, type Tokenizer } from '@starling/tokenizer';
import type { AsideRequest } from './aside-job.js';
import { buffersOf, doJob } from './do-job.js';

/** What the thread is started with. */
export interface AsideWorkerData {
  /** The model's file. */
  readonly path: string;
}

const { path } = workerData as AsideWorkerData;
const port = parentPort!;
let opened: Promise<Tokenizer> | undefined;

async function open(): Promise<Tokenizer> {
  const file = await openGgufFile(path);
  try {
    return tokenizerFromGguf(file.metadata);
  } finally {
    await file.close();
  }
}

port.on('message', (request: AsideRequest) => {
  void doJob(request, () => (opened ??= open())).then((reply) =>
    port.postMessage(reply, 'result' in reply ? buffersOf(reply.result) : []),
  );
});
