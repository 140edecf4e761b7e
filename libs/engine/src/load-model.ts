import { StarlingError } from '@starling/core';
import type { GgufModel } from '@starling/gguf';
import { samplerDefaults } from '@starling/sampler';
import { tokenizerFromGguf } from '@starling/tokenizer';
import {
  hasNextn,
  type AdapterSource,
  type LoadOptions as RuntimeOptions,
  type MemoryPlan,
  type ModelRuntime,
} from '@starling/transformer';
import { chatTemplateFor } from './chat-template.js';
import type { DraftModelParts } from './drafting/draft-model.js';
import { speculationOf } from './drafting/speculation-options.js';
import { createLanguageModel, type LanguageModel } from './language-model.js';
import { checkDrafts, checkKind, checkVocabulary, draftRuntimeOptions } from './load-draft-model.js';
import type { LoadOptions } from './load-options.js';
import { MemoryBudget } from './memory-budget.js';
import { memoryOf, memoryWith, type ModelMemory } from './model-types.js';
import { sharesPrefixes } from './shared-prefix.js';
import { weightsDigest } from './weights-digest.js';
import { openAdapters, type AdapterOpener } from './open-adapters.js';

/** Loads a runtime: with workers of the platform, or without. */
export type RuntimeLoader = (file: GgufModel, options: RuntimeOptions) => Promise<ModelRuntime>;

/** Plans what such a loader would allocate. */
export type RuntimePlanner = (file: GgufModel, options: RuntimeOptions) => Promise<MemoryPlan>;

/**
 * Puts a model together from an open file, which may be closed afterwards.
 * @throws StarlingError invalid_model_file, invalid_vocabulary, unsupported_model, out_of_memory with figures
 */
export async function loadModel(
  file: GgufModel,
  source: string,
  options: LoadOptions,
  loadRuntime: RuntimeLoader,
  openAdapter: AdapterOpener,
): Promise<LanguageModel> {
  const name = options.name ?? file.string('general.name') ?? file.architecture ?? 'model';
  const tokenizer = tokenizerFromGguf(file.metadata);
  const adapters = await openAdapters(options.adapters ?? [], openAdapter);
  let draftFile: GgufModel | undefined;
  let runtime: ModelRuntime;
  let draftModel: DraftModelParts | undefined;
  try {
    const budget = new MemoryBudget(options.memoryLimitBytes ?? Infinity);
    const runtimeOptions = runtimeOptionsOf(options, adapters.sources);
    if (options.draftModel !== undefined) {
      draftFile = await openAdapter(options.draftModel);
      checkDrafts(options.speculation, draftFile.name);
      checkVocabulary(draftFile, tokenizer, name);
    }
    const loaded = await loadRuntime(file, { ...runtimeOptions, onPlan: (plan) => budget.check(name, memoryOf(plan)) });
    runtime = options.wrapRuntime?.(loaded) ?? loaded;
    if (draftFile)
      draftModel = await loadDraftModel(draftFile, runtime, (drafted) =>
        loadRuntime(draftFile!, {
          ...draftRuntimeOptions(runtimeOptions, drafted),
          onPlan: (plan) => budget.check(name, memoryWith(drafted, plan)),
        }),
      );
    else if (runtime.hiddenOf && usesHead(file, options))
      draftModel = await loadHead(runtime, name, (drafted) =>
        loadRuntime(file, {
          ...draftRuntimeOptions(runtimeOptions, drafted),
          part: 'nextn',
          onPlan: (plan) => budget.check(name, memoryWith(drafted, plan)),
        }),
      );
  } finally {
    await Promise.all([adapters.close(), draftFile?.close()]);
  }
  try {
    const digest = options.spillStore || options.digestWeights ? await weightsDigest(file) : undefined;
    if (tokenizer.vocabSize > runtime.info.vocabSize) {
      throw new StarlingError(
        'invalid_model_file',
        `${source}: the vocabulary has ${tokenizer.vocabSize} tokens, the model has logits for ${runtime.info.vocabSize}`,
      );
    }
    const template =
      options.chatTemplate ??
      file.string('tokenizer.chat_template') ??
      (runtime.info.hasLogits ? options.fallbackChatTemplate : undefined);
    const model = createLanguageModel({
      ...options,
      weightsDigest: digest,
      name,
      source,
      runtime,
      draftModel,
      tokenizer,
      chatTemplate: template === undefined ? undefined : chatTemplateFor(template, tokenizer),
      metadata: file.metadata,
      samplerDefaults: { ...samplerDefaults(file.metadata), ...options.samplerDefaults },
      adapterScales: adapters.scales,
    });
    await model.openSessions();
    if (sharesPrefixes(model.info)) for (const prefix of options.sharedPrefixes ?? []) await model.sharePrefix(prefix);
    return model;
  } catch (error) {
    await Promise.all([runtime.close(), draftModel?.runtime.close()]);
    throw error;
  }
}

/** Whether the head that predicts the token after the next one is to draft. */
const usesHead = (file: GgufModel, { speculation, draftModel }: LoadOptions): boolean =>
  draftModel === undefined &&
  speculationOf(speculation, true) !== undefined &&
  (typeof speculation !== 'object' || speculation.nextn !== false) &&
  hasNextn(file);

/** What a head comes to; undefined for one that finds no room, or is not understood, and is done without: the same tokens come. */
async function unlessUnfit<T>(head: Promise<T>): Promise<T | undefined> {
  try {
    return await head;
  } catch (error) {
    const isUnfit =
      error instanceof StarlingError &&
      ['out_of_memory', 'unsupported_model', 'invalid_model_file'].includes(error.code);
    if (isUnfit) return undefined;
    throw error;
  }
}

/** Loads the head of a model, if it is fit; the model is closed if that fails in another way. */
async function loadHead(
  drafted: ModelRuntime,
  name: string,
  load: (drafted: ModelRuntime['info']) => Promise<ModelRuntime>,
): Promise<DraftModelParts | undefined> {
  try {
    const runtime = await unlessUnfit(load(drafted.info));
    return runtime && { name: `the head of ${name}`, runtime, readsHidden: true };
  } catch (error) {
    await drafted.close();
    throw error;
  }
}

/** Loads what drafts for a runtime; that is closed if it cannot be. @throws StarlingError as loading does, and not_supported for models of a kind that cannot draft */
async function loadDraftModel(
  file: GgufModel,
  drafted: ModelRuntime,
  load: (drafted: ModelRuntime['info']) => Promise<ModelRuntime>,
): Promise<DraftModelParts> {
  let runtime: ModelRuntime | undefined;
  try {
    runtime = await load(drafted.info);
    checkKind(runtime.info, drafted.info, file.name);
    return { name: file.name, runtime };
  } catch (error) {
    await Promise.all([drafted.close(), runtime?.close()]);
    throw error;
  }
}

/** What a model will take, from the header of its open file: the figures that loading with the same options ends with. @throws StarlingError as loading does */
export async function estimateModel(
  file: GgufModel,
  options: LoadOptions,
  planRuntime: RuntimePlanner,
  openAdapter: AdapterOpener,
): Promise<ModelMemory> {
  const adapters = await openAdapters(options.adapters ?? [], openAdapter);
  let draftFile: GgufModel | undefined;
  try {
    const runtimeOptions = runtimeOptionsOf(options, adapters.sources);
    const plan = await planRuntime(file, runtimeOptions);
    if (options.draftModel !== undefined) draftFile = await openAdapter(options.draftModel);
    const draftOptions = draftRuntimeOptions(runtimeOptions, plan);
    if (draftFile === undefined && usesHead(file, options))
      return memoryWith(plan, await unlessUnfit(planRuntime(file, { ...draftOptions, part: 'nextn' })));
    return memoryWith(plan, draftFile && (await planRuntime(draftFile, draftOptions)));
  } finally {
    await Promise.all([adapters.close(), draftFile?.close()]);
  }
}

/** The part of the options that the runtime decides upon. */
function runtimeOptionsOf(options: LoadOptions, adapters: readonly AdapterSource[]): RuntimeOptions {
  const {
    threads,
    workers,
    inline,
    contextLength,
    kvTokens,
    pageTokens,
    kvType,
    maxBatchTokens,
    maxSequences,
    deterministic,
    onProgress,
    windowPageCount,
    watchdogMs,
    turns,
  } = options;
  return {
    threads,
    workers,
    inline,
    contextLength,
    kvTokens,
    pageTokens,
    kvType,
    maxBatchTokens,
    maxSequences,
    deterministic,
    onProgress,
    adapters,
    slidingWindows: true,
    windowPageCount,
    watchdogMs,
    turns,
  };
}
