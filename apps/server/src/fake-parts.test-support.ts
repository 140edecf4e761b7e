import { StarlingError } from '@starling/core';
import type { DonePart, EngineModelInfo, FinishReason, GeneratePart, GenerateRequest, Generation, SampleResult } from '@starling/engine';
import type { Tokenizer } from '@starling/tokenizer';
import type { AppParts, ModelEntry, RequestLog, ServedModel } from './parts.js';

/** How the fake model answers. */
export interface FakeModelOptions {
  readonly name?: string;
  /** One token each; its id is its place. */
  readonly answer?: readonly string[];
  /** Waits before token i; the test decides when it settles. */
  readonly beforeToken?: (index: number, request: GenerateRequest) => Promise<void>;
  /** Thrown when `generate` is called. */
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
const byteTokenizer: Tokenizer = {
  vocabSize: 256,
  kind: 'bpe',
  special: { bos: 0, addBos: true, addEos: false, endOfGeneration: new Set() },
  encode: (text, { addSpecial } = {}) => Uint32Array.from([...(addSpecial ? [0] : []), ...Buffer.from(text, 'utf8')]),
  encodeWithOffsets(text, options) {
    const ids = this.encode(text, options);
    const added = options?.addSpecial ? 1 : 0;
    return { ids, offsets: Uint32Array.from(Array.from(ids).flatMap((_, i) => (i < added ? [0, 0] : [i - added, i - added + 1]))) };
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

/** A model without weights: one token a character code. */
export function fakeModel({ name = 'fake', answer = ['Hel', 'lo', '!'], beforeToken, refuse, queued = 0 }: FakeModelOptions = {}): FakeModel {
  const requests: GenerateRequest[] = [];
  const ended: FinishReason[] = [];
  const info = {
    name,
    source: `/models/${name}.gguf`,
    architecture: 'llama',
    contextLength: 64,
    vocabSize: 256,
    quantization: 'Q8_0',
    hasChatTemplate: true,
    weightBytes: 1000,
    kvBytes: 4096,
    pageBytes: 512,
    sequenceLimit: 64,
  } as EngineModelInfo;
  return {
    info,
    tokenizer: byteTokenizer,
    requests,
    ended,
    statistics: () => ({
      queued,
      queueLimit: 8,
      running: 0,
      suspended: 0,
      kv: { pageCount: 8, freePages: 6, sharedPages: 0, allocatedBytes: 1024, freeBytes: 3072, fragmentedBytes: 0 },
    }),
    generate(request): Generation {
      const refusal = refuse?.(request);
      if (refusal) throw refusal;
      requests.push(request);
      return fakeGeneration({ request, name, answer, beforeToken, onEnd: (reason) => void ended.push(reason) });
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
  const aborted = new Promise<void>((resolve) => request.signal?.addEventListener('abort', () => resolve(), { once: true }));
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
      stopReason: finishReason === 'cancelled' ? { kind: 'cancelled' } : { kind: 'max_tokens' },
    };
    yield {
      ...result,
      kind: 'done',
      id,
      model: name,
      samples: [result],
      usage: { promptTokens: promptTokens.length, cachedTokens: 0, completionTokens: said.length },
      timings: { queueMs: 1, promptMs: 2, firstTokenMs: 3.25, decodeMs: 4, promptTps: 1500, decodeTps: 345.67891 },
    };
  }
  return {
    id,
    promptTokens,
    cancel: () => undefined,
    [Symbol.asyncIterator]: () => parts(),
    async result(): Promise<DonePart> {
      for await (const part of parts()) if (part.kind === 'done') return part;
      throw new StarlingError('internal', 'the fake ended without a last part');
    },
  };
}

/** What the app said to its observer and its log. */
export interface Recorded {
  readonly requests: { readonly route: string; readonly status: number; readonly durationMs: number }[];
  readonly log: { readonly level: string; readonly facts: object; readonly text: string }[];
}

/** Parts for `createApp` around fake models, and what they recorded. */
export function fakeParts(overrides: Partial<AppParts> & { readonly served?: readonly ServedModel[] } = {}): { parts: AppParts; recorded: Recorded } {
  const { served = [fakeModel()], ...rest } = overrides;
  const recorded: Recorded = { requests: [], log: [] };
  const logOf = (bound: object): RequestLog => {
    const line = (level: string) => (facts: object, text: string) => void recorded.log.push({ level, facts: { ...bound, ...facts }, text });
    return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
  };
  const entries = served.map((model): ModelEntry => ({ name: model.info.name, state: 'ready', source: model.info.source, loadedAt: new Date(1_700_000_000_000), model }));
  const parts: AppParts = {
    models: {
      list: () => entries,
      pick(name) {
        const found = name === undefined ? entries[0] : entries.find((entry) => entry.name === name);
        if (!found?.model) throw new StarlingError('model_not_loaded', `no model ${name ?? ''} is loaded`, { details: { param: 'model' } });
        return found.model;
      },
    },
    logger: { ...logOf({}), child: logOf },
    observer: { requestFinished: (request) => void recorded.requests.push(request) },
    metrics: { contentType: 'application/openmetrics-text; version=1.0.0; charset=utf-8', render: () => Promise.resolve('# EOF\n') },
    page: new Map([['/', { contentType: 'text/html; charset=utf-8', bytes: new TextEncoder().encode('<!doctype html>'), etag: '"1"' }]]),
    apiKeys: [],
    limits: { maxBodyBytes: 10_000, heartbeatMs: 15_000 },
    version: '1.2.3',
    isAccepting: () => true,
    clock: () => performance.now(),
    ...rest,
  };
  return { parts, recorded };
}
