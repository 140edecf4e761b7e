import { deriveAnswerParser } from '@starling/chat';
import { parameterError, StarlingError } from '@starling/core';
import {
  textOf,
  textStreamOf,
  type AdapterState,
  type DonePart,
  type EngineModelInfo,
  type FinishReason,
  type GeneratePart,
  type GenerateRequest,
  type Generation,
  type SampleResult,
  type Timings,
} from '@starling/engine';
import type { Tokenizer } from '@starling/tokenizer';
import { givenKey } from './access/given-keys.js';
import { KeyRing } from './access/key-ring.js';
import type { Role } from './access/principal.js';
import { ResponseStore } from './dialects/openai/responses/response-store.js';
import { CallerLimiter, WINDOW_SECONDS } from './limits/caller-limiter.js';
import { MemoryLimitStore } from './limits/memory-limit-store.js';
import type { AppParts, FinishedAnswer, FinishedRequest, Logger, ModelEntry, ServedModel } from './parts.js';

/** What answers of the fake model took. */
export const FAKE_TIMINGS: Timings = {
  tokenizeMs: 0.5,
  grammarMs: 0.25,
  queueMs: 1,
  restoreMs: 0.75,
  promptMs: 2,
  firstTokenMs: 3.25,
  decodeMs: 4,
  sampleMs: 0.125,
  preemptions: 1,
  suspendedMs: 1.5,
  promptTps: 1500,
  decodeTps: 345.67891,
  draftedTokens: 8,
  acceptedTokens: 6,
};

/** How the fake model answers. */
export interface FakeModelOptions {
  readonly name?: string;
  /** What is loaded beside it. */
  readonly adapters?: readonly AdapterState[];
  /** One token each; its id is its place. */
  readonly answer?: readonly string[];
  /** Waits before token i; the test decides when it settles. */
  readonly beforeToken?: (index: number, request: GenerateRequest) => Promise<void>;
  /** What `generate` refuses with. */
  readonly refuse?: (request: GenerateRequest) => Error | undefined;
  readonly queued?: number;
}

/** A model that answers with fixed tokens, and remembers what it was asked. */
export interface FakeModel extends ServedModel {
  readonly requests: GenerateRequest[];
  /** Requests that ended, and how. */
  readonly ended: FinishReason[];
}

/** One token a byte; 0 begins a text. */
export const byteTokenizer: Tokenizer = {
  vocabSize: 256,
  kind: 'bpe',
  special: { bos: 0, addBos: true, addEos: false, endOfGeneration: new Set() },
  encode: (text, { addSpecial } = {}) => Uint32Array.from([...(addSpecial ? [0] : []), ...Buffer.from(text, 'utf8')]),
  encodeWithOffsets(text, options) {
    const ids = this.encode(text, options);
    const added = options?.addSpecial ? 1 : 0;
    return {
      ids,
      offsets: Uint32Array.from(Array.from(ids).flatMap((_, i) => (i < added ? [0, 0] : [i - added, i - added + 1]))),
    };
  },
  encodeBatch: (texts) => texts.map((text) => byteTokenizer.encode(text)),
  countTokens: (text) => byteTokenizer.encode(text).length,
  decode: (ids) => Buffer.from(Array.from(ids)).toString('utf8'),
  createDecoder: () => ({ push: (id) => String.fromCharCode(id), flush: () => '' }),
  tokenBytes: (id) => Uint8Array.of(id),
  tokenText: (id) => (id === 0 ? '<begin>' : `byte ${id}`),
  idOf: () => undefined,
  isControl: (id) => id === 0,
  isEndOfGeneration: () => false,
};

function missing(id: string): never {
  throw new StarlingError('not_found', `there is no session ${id}`, { details: { param: 'sessionId' } });
}

/** A model without weights: one token a character code. */
export function fakeModel({
  name = 'fake',
  answer = ['Hel', 'lo', '!'],
  beforeToken,
  refuse,
  queued = 0,
  adapters: loaded = [],
}: FakeModelOptions = {}): FakeModel {
  let adapters = loaded;
  const requests: GenerateRequest[] = [];
  const ended: FinishReason[] = [];
  const info = {
    name,
    source: `/models/${name}.gguf`,
    architecture: 'llama',
    contextLength: 64,
    trainedContextLength: 64,
    embeddingLength: 4,
    layerCount: 1,
    parameterCount: 1000,
    vocabSize: 256,
    quantization: 'Q8_0',
    hasChatTemplate: true,
    weightBytes: 1000,
    kvBytes: 4096,
    scratchBytes: 300,
    totalBytes: 5396,
    pageBytes: 512,
    pageTokens: 8,
    maxSequences: 2,
    sequenceLimit: 64,
    draftTokens: 15,
  } as EngineModelInfo;
  return {
    info,
    defaults: {},
    samplerDefaults: {},
    chatTemplate: undefined,
    aliases: [],
    tags: [],
    tokenizer: byteTokenizer,
    requests,
    ended,
    answerParser: deriveAnswerParser(undefined),
    countTokens: ({ messages = [] }) => Promise.resolve(messages.length),
    encode: (text, { withOffsets = false, ...options } = {}) =>
      Promise.resolve(
        withOffsets ? byteTokenizer.encodeWithOffsets(text, options) : { ids: byteTokenizer.encode(text, options) },
      ),
    async decode(tokens) {
      const unknown = Array.from(tokens).findIndex((id) => id >= byteTokenizer.vocabSize);
      if (unknown >= 0)
        throw parameterError(
          'invalid_request',
          `tokens[${unknown}]`,
          `must be an id of the vocabulary, 0 to 255, not ${tokens[unknown]}`,
        );
      return byteTokenizer.decode(tokens);
    },
    applyTemplate: (messages) => Promise.resolve(messages.map(({ role }) => `<${role}>`).join('')),
    adapters: () => adapters,
    setAdapterScales: (scales) =>
      void (adapters = adapters.map((one) => ({ ...one, scale: scales[one.id] ?? one.scale }))),
    sessionsOf: () => ({
      hold: () => Promise.resolve(() => undefined),
      list: () => [],
      close: missing,
      fork: missing,
      rewind: missing,
      update: missing,
      save: missing,
      open: () => missing('saved'),
    }),
    // The longer document fits better.
    rerank: (_, documents, { top } = {}) =>
      Promise.resolve({
        results: documents
          .map((text, index) => ({ index, score: text.length }))
          .sort((a, b) => b.score - a.score)
          .slice(0, top),
        promptTokens: documents.length,
      }),
    embed: (inputs) =>
      Promise.resolve({
        vectors: inputs.map((_, i) => Float32Array.of(i, 1)),
        inputs: inputs.map((_, i) => i),
        promptTokens: inputs.length,
      }),
    statistics: () => ({
      queued,
      queuedTokens: queued,
      queueLimit: 8,
      isAccepting: queued < 8,
      estimateErrorRatio: undefined,
      tenants: [{ tenant: '', weight: 1, queued, running: 0, servedMs: 12.5 }],
      running: 0,
      suspended: 0,
      restoring: 0,
      internal: 0,
      kv: {
        pageCount: 8,
        freePages: 6,
        cachedPages: 0,
        sharedPages: 0,
        allocatedBytes: 1024,
        freeBytes: 3072,
        fragmentedBytes: 0,
      },
      cache: {
        hitTokens: 0,
        missTokens: { new: 0, diverged: 0, evicted: 0, state: 0, window: 0, log_probabilities: 0, off: 0 },
        evictedPages: 0,
        cachedPages: 0,
        evictablePages: 0,
        states: 0,
        stateBytes: 0,
        sharedTokens: 0,
        sharedPages: 0,
        sessions: 0,
        evictedSessions: 0,
      },
    }),
    generate(request): Promise<Generation> {
      const refusal = refuse?.(request);
      if (refusal) return Promise.reject(refusal);
      requests.push(request);
      return Promise.resolve(
        fakeGeneration({ request, name, answer, beforeToken, onEnd: (reason) => void ended.push(reason) }),
      );
    },
  };
}

interface FakeGeneration {
  readonly request: GenerateRequest;
  readonly name: string;
  readonly answer: readonly string[];
  readonly beforeToken?: FakeModelOptions['beforeToken'];
  readonly onEnd: (reason: FinishReason) => void;
}

function fakeGeneration({ request, name, answer, beforeToken, onEnd }: FakeGeneration): Generation {
  const id = request.id ?? 'request';
  const promptTokens = Uint32Array.from(request.tokens ?? [1, 2, 3]);
  const aborted = new Promise<void>((resolve) =>
    request.signal?.addEventListener('abort', () => resolve(), { once: true }),
  );
  async function* parts(): AsyncGenerator<GeneratePart> {
    const said: string[] = [];
    const limit = request.maxTokens ?? answer.length;
    for (; said.length < Math.min(limit, answer.length) && !request.signal?.aborted; ) {
      await Promise.race([beforeToken?.(said.length, request), aborted]);
      if (request.signal?.aborted) break;
      yield { kind: 'token', sample: 0, index: said.length, id: said.length, text: answer[said.length] };
      said.push(answer[said.length]);
    }
    const finishReason = request.signal?.aborted ? 'cancelled' : said.length < answer.length ? 'length' : 'stop';
    onEnd(finishReason);
    const result: SampleResult = {
      sample: 0,
      text: said.join(''),
      tokens: said.map((_, i) => i),
      finishReason,
      stopReason: finishReason === 'cancelled' ? { kind: 'cancelled' } : { kind: 'max_tokens', limit: said.length },
    };
    yield { ...result, kind: 'sample' };
    yield {
      ...result,
      kind: 'done',
      id,
      model: name,
      samples: [result],
      usage: { promptTokens: promptTokens.length, cachedTokens: 0, completionTokens: said.length },
      timings: FAKE_TIMINGS,
    };
  }
  return {
    id,
    promptTokens,
    cancel: () => undefined,
    [Symbol.asyncIterator]: () => parts(),
    text: () => textOf(parts()),
    textStream: () => textStreamOf(parts()),
    async result(): Promise<DonePart> {
      for await (const part of parts()) if (part.kind === 'done') return part;
      throw new StarlingError('internal', 'the fake ended without a last part');
    },
  };
}

/** Keys of a role, given by their texts. */
export const keysOf = (role: Role, ...texts: readonly string[]): KeyRing => {
  const known = texts.map((text) => givenKey(text, role, text));
  return new KeyRing([() => known]);
};

/** What the app said to its observer and its log. */
export interface Recorded {
  readonly requests: FinishedRequest[];
  readonly answers: FinishedAnswer[];
  readonly log: { readonly level: string; readonly facts: object; readonly text: string }[];
}

/** Parts for `createApp` around fake models, and what they recorded. */
export function fakeParts(overrides: Partial<AppParts> & { readonly served?: readonly ServedModel[] } = {}): {
  parts: AppParts;
  recorded: Recorded;
} {
  const { served = [fakeModel()], ...rest } = overrides;
  const recorded: Recorded = { requests: [], answers: [], log: [] };
  const limitStore = new MemoryLimitStore(WINDOW_SECONDS);
  const logOf = (bound: object): Logger => {
    const line = (level: string) => (facts: object, text: string) =>
      void recorded.log.push({ level, facts: { ...bound, ...facts }, text });
    return {
      debug: line('debug'),
      info: line('info'),
      warn: line('warn'),
      error: line('error'),
      child: (facts) => logOf({ ...bound, ...facts }),
    };
  };
  const entries = served.map(
    (model): ModelEntry => ({
      name: model.info.name,
      state: 'ready',
      source: model.info.source,
      loadedAt: new Date(1_700_000_000_000),
      model,
    }),
  );
  const parts: AppParts = {
    models: {
      list: () => entries,
      resolve: (name) => (name === undefined ? entries[0]?.name : entries.find((entry) => entry.name === name)?.name),
      pick(name) {
        const found = name === undefined ? entries[0] : entries.find((entry) => entry.name === name);
        if (!found?.model)
          throw new StarlingError('model_not_loaded', `no model ${name ?? ''} is loaded`, {
            details: { param: 'model' },
          });
        return found.model;
      },
    },
    admin: {
      load: (_, { name = 'fake' } = {}) => Promise.resolve({ ...entries[0], name }),
      unload: (name) => Promise.resolve(void parts.models.pick(name)),
      reload: (name) => Promise.resolve().then(() => (parts.models.pick(name), entries[0])),
    },
    library: {
      list: () => Promise.resolve([]),
      find: () => Promise.resolve(undefined),
      pull: missing,
      remove: missing,
    },
    logger: logOf({}),
    observer: {
      requestFinished: (request) => void recorded.requests.push(request),
      answerFinished: (answer) => void recorded.answers.push(answer),
    },
    metrics: {
      contentType: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
      render: () => Promise.resolve('# EOF\n'),
    },
    totals: () => ({ requests: 1, rejected: 0, promptTokens: 3, cachedTokens: 0, generatedTokens: 3, busyMs: 6 }),
    site: new Map(),
    page: new Map([
      [
        '/',
        { contentType: 'text/html; charset=utf-8', bytes: new TextEncoder().encode('<!doctype html>'), etag: '"1"' },
      ],
    ]),
    keys: new KeyRing(),
    limiter: new CallerLimiter(() => limitStore),
    hosts: { bound: '127.0.0.1', allowed: ['x'], corsOrigins: [] },
    limits: { maxBodyBytes: 10_000, heartbeatMs: 15_000, stallMs: 300_000 },
    features: {
      slots: true,
      props: true,
      metrics: true,
      openMetrics: false,
      browserEngine: false,
      downloads: true,
      predict: true,
      verbose: false,
    },
    version: '1.2.3',
    responses: new ResponseStore(() => 0),
    presence: {
      settled: () => Promise.resolve(),
      isWarm: () => true,
      isSleeping: () => false,
      refresh: () => Promise.resolve(),
      letGo: () => undefined,
    },
    isStopping: () => false,
    isAccepting: () => true,
    clock: () => performance.now(),
    ...rest,
  };
  return { parts, recorded };
}
