import type { Chunk } from './answer-builder.js';
import { readEvents } from './event-stream.js';

/** A model of the server's list. */
export interface ServedModel {
  readonly id: string;
  readonly state?: string;
  readonly architecture?: string;
  readonly quantization?: string;
  readonly context_length?: number;
  /** Where its file is, if the page may run it. */
  readonly file_url?: string;
  /** What the server adds to requests that say nothing themselves. */
  readonly in_tab?: TabDefaults;
}

/** Of a model that runs in the tab: what the server would add, in the engine's words. Numbers that JSON has not are texts. */
export interface TabDefaults {
  readonly chatTemplate?: string;
  readonly samplerDefaults?: {
    readonly logitBias?: readonly (readonly [token: number, bias: number | string])[];
    readonly [name: string]: unknown;
  };
  readonly maxTokens?: number;
  readonly reasoningTokens?: number;
  readonly templateVariables?: Readonly<Record<string, unknown>>;
}

/** What `GET /v1/status` tells. */
export interface ServerStatus {
  readonly version: string;
  readonly time_ms: number;
  readonly totals: {
    readonly requests: number;
    readonly rejected: number;
    readonly prompt_tokens: number;
    readonly cached_tokens: number;
    readonly generated_tokens: number;
    readonly busy_ms: number;
  };
  readonly models: readonly ModelStatus[];
}

/** Pages of keys and values, and the bytes of all of them. */
export interface KvStatus {
  readonly bytes: number;
  readonly pages: number;
  readonly used: number;
  readonly cached: number;
  readonly free: number;
}

export interface ModelStatus {
  readonly name: string;
  readonly state: string;
  readonly queued?: number;
  readonly queue_limit?: number;
  readonly running?: number;
  readonly suspended?: number;
  readonly slots?: number;
  readonly kv?: KvStatus & {
    /** Of windowed layers, where those have pages of their own. */
    readonly windows?: KvStatus;
  };
  readonly sessions?: number;
  readonly tenants?: readonly {
    readonly name: string;
    readonly weight: number;
    readonly queued: number;
    readonly running: number;
    readonly served_ms: number;
  }[];
}

/** What the server said instead of an answer. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
}

export type Answer<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** How a key is sent. */
export const headersOf = (apiKey: string): Record<string, string> =>
  apiKey === '' ? {} : { authorization: `Bearer ${apiKey}` };

/** The models that are served. Rejects as fetch does. */
export async function fetchModels(apiKey: string): Promise<Answer<readonly ServedModel[]>> {
  const answer = await get<{ data?: readonly ServedModel[] }>('/v1/models', apiKey);
  return answer.kind === 'ok' ? { kind: 'ok', value: answer.value.data ?? [] } : answer;
}

/** What the server does now. Rejects as fetch does. */
export const fetchStatus = (apiKey: string, signal: AbortSignal): Promise<Answer<ServerStatus>> =>
  get('/v1/status', apiKey, signal);

async function get<T>(path: string, apiKey: string, signal?: AbortSignal): Promise<Answer<T>> {
  const response = await fetch(path, { headers: headersOf(apiKey), signal });
  return response.ok
    ? { kind: 'ok', value: (await response.json()) as T }
    : { kind: 'refused', refusal: await refusalOf(response) };
}

/**
 * Asks for an answer and hands over its chunks as they come; a refusal and a cut stream are chunks with an error.
 * Rejects as fetch does: when the signal aborts, or the server cannot be reached.
 */
export async function* streamAnswer(body: object, apiKey: string, signal: AbortSignal): AsyncGenerator<Chunk> {
  const response = await fetch('/v1/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headersOf(apiKey) },
    body: JSON.stringify(body),
    signal,
  });
  if (!response.ok || response.body === null) {
    yield { error: await refusalOf(response) };
    return;
  }
  for await (const { data } of readEvents(response.body)) {
    if (data === '[DONE]') return;
    const chunk = JSON.parse(data) as Chunk;
    yield chunk;
    if (chunk.error) return;
  }
  yield { error: { code: 'cut', message: 'The connection ended before the answer did.' } };
}

async function refusalOf(response: Response): Promise<Refusal> {
  try {
    const { error } = (await response.json()) as { error: Partial<Refusal> };
    return { code: error.code ?? 'unknown', message: error.message ?? 'The server did not say what went wrong.' };
  } catch {
    return { code: 'http', message: `The server answered with status ${response.status}.` };
  }
}
