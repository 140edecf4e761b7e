import { readEvents } from './event-stream.js';

export interface Message {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface Settings {
  readonly system: string;
  readonly temperature?: number;
  readonly maxTokens?: number;
  readonly apiKey: string;
}

/** What the end of an answer tells. */
export interface Summary {
  readonly finishReason: string;
  readonly tokens: number;
  readonly tokensPerSecond?: number;
  readonly firstTokenMs?: number;
}

/** How a request ended. */
export type Outcome = { readonly kind: 'done'; readonly summary: Summary } | Failure;

/** A failure, as the server explained it. */
export interface Failure {
  readonly kind: 'failed';
  readonly code: string;
  readonly message: string;
}

/** The name of the model that answers, if the server tells. */
export async function modelName(apiKey: string): Promise<string | undefined> {
  const response = await fetch('/v1/models', { headers: authorization(apiKey) });
  if (!response.ok) return undefined;
  const { data } = (await response.json()) as { data?: { id?: string }[] };
  return data?.[0]?.id;
}

/**
 * Asks for an answer and hands over its text piece by piece.
 * Rejects as fetch does: when the signal aborts, or the server cannot be reached.
 */
export async function ask(messages: readonly Message[], settings: Settings, signal: AbortSignal, onText: (text: string, tokens: number) => void): Promise<Outcome> {
  const response = await fetch('/v1/generate', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...authorization(settings.apiKey) },
    body: JSON.stringify({
      messages: settings.system === '' ? messages : [{ role: 'system', content: settings.system }, ...messages],
      stream: true,
      temperature: settings.temperature,
      max_tokens: settings.maxTokens,
    }),
    signal,
  });
  if (!response.ok || response.body === null) return failureOf(response);
  let tokens = 0;
  for await (const { event, data } of readEvents(response.body)) {
    const value: unknown = JSON.parse(data);
    if (event === 'token') onText((value as { text: string }).text, ++tokens);
    else if (event === 'error') return failure(value);
    else if (event === 'done') return { kind: 'done', summary: summaryOf(value as DoneEvent, tokens) };
  }
  return { kind: 'failed', code: 'cut', message: 'The connection ended before the answer did.' };
}

interface DoneEvent {
  readonly finish_reason: string;
  readonly usage?: { readonly completion_tokens?: number };
  readonly timings?: { readonly decode_tps?: number; readonly first_token_ms?: number };
}

function summaryOf(done: DoneEvent, tokens: number): Summary {
  return {
    finishReason: done.finish_reason,
    tokens: done.usage?.completion_tokens ?? tokens,
    tokensPerSecond: done.timings?.decode_tps,
    firstTokenMs: done.timings?.first_token_ms,
  };
}

const authorization = (apiKey: string): Record<string, string> => (apiKey === '' ? {} : { authorization: `Bearer ${apiKey}` });

async function failureOf(response: Response): Promise<Failure> {
  try {
    return failure(await response.json());
  } catch {
    return { kind: 'failed', code: 'http', message: `The server answered with status ${response.status}.` };
  }
}

function failure(value: unknown): Failure {
  const { error } = value as { error?: { code?: string; message?: string } };
  return { kind: 'failed', code: error?.code ?? 'unknown', message: error?.message ?? 'The server did not say what went wrong.' };
}
