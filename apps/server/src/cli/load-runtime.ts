import { openGgufFile } from '@starling/gguf/node';
import { nodeCompiler, nodeWorkers } from '@starling/kernels/node';
import { loadTransformer, type KvType, type ModelRuntime } from '@starling/transformer';
import type { CliIo } from './io.js';
import { locateModel } from './locate-model.js';
import { showProgress } from './progress.js';

/** What the measuring commands say about a runtime; the rest is as the runtime chooses. */
export interface RuntimeRequest {
  readonly threads: number;
  /** Tokens of the one sequence that will run. */
  readonly contextLength: number;
  readonly kvType?: KvType;
  readonly deterministic?: boolean;
  readonly maxBatchTokens?: number;
}

/** Loads a model for one sequence, below the engine: for commands that measure steps or logits. */
export async function loadRuntime(model: string, request: RuntimeRequest, io: CliIo): Promise<ModelRuntime> {
  const file = await openGgufFile((await locateModel(model, io)).path);
  const progress = showProgress(io, 'loading', 'bytes');
  try {
    const { contextLength: kvTokens } = request;
    return await loadTransformer(file, {
      ...request,
      kvTokens,
      maxSequences: 1,
      workers: nodeWorkers(),
      compiler: nodeCompiler(),
      onProgress: ({ done, total }) => progress.update(done, total),
    });
  } finally {
    progress.end();
    await file.close();
  }
}

/** The page table of a sequence that has the runtime to itself: all pages in order. */
export function allPages({ info }: ModelRuntime): Int32Array {
  return Int32Array.from({ length: info.pageCount }, (_, page) => page);
}
