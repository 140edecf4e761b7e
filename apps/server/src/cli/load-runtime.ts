import { openGgufFile } from '@starling/gguf/node';
import { hasTwoTexts, type InputSums, type KvType, type ModelRuntime } from '@starling/transformer';
import { loadTransformer } from '@starling/transformer/node';
import { alignUp } from '@starling/core';
import type { CliIo } from './io.js';
import { locateModel } from './locate-model.js';
import { showProgress } from './progress.js';

/** Positions of a page. */
const pageTokens = 32;

/** What the measuring commands say about a runtime; the rest is as the runtime chooses. */
export interface RuntimeRequest {
  /** Default: one for each physical core. */
  readonly threads?: number;
  /** Tokens of each sequence that will run; where one text is read and another is written, of each of the two. */
  readonly contextLength: number;
  /** Sequences that run together. Default 1. */
  readonly sequences?: number;
  readonly kvType?: KvType;
  readonly deterministic?: boolean;
  readonly maxBatchTokens?: number;
  /** What sums up what enters each matrix. */
  readonly inputSums?: InputSums;
}

/** Loads a model below the engine: for commands that measure steps or logits. */
export async function loadRuntime(
  model: string,
  { sequences = 1, ...request }: RuntimeRequest,
  io: CliIo,
): Promise<ModelRuntime> {
  const file = await openGgufFile((await locateModel(model, io)).path);
  const contextLength = request.contextLength * (hasTwoTexts(file.architecture) ? 2 : 1);
  const progress = showProgress(io, 'loading', 'bytes');
  try {
    return await loadTransformer(file, {
      ...request,
      contextLength,
      kvTokens: sequences * alignUp(contextLength, pageTokens),
      pageTokens,
      maxSequences: sequences,
      onProgress: ({ done, total }) => progress.update(done, total),
    });
  } finally {
    progress.end();
    await file.close();
  }
}

/** The page table of one of the sequences that share the runtime: its part of the pages, in order. */
export function pagesOf({ info }: ModelRuntime, sequence = 0, sequences = 1): Int32Array {
  const length = Math.floor(info.pageCount / sequences);
  return Int32Array.from({ length }, (_, page) => sequence * length + page);
}
