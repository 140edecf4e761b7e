/** An answer of `POST /v1/generate`. */
export interface GenerateAnswer {
  readonly id: string;
  readonly model: string;
  readonly text: string;
  readonly tokens: number[];
  readonly finish_reason: string;
  readonly stop_sequence?: string;
  readonly usage: {
    readonly prompt_tokens: number;
    readonly cached_tokens: number;
    readonly completion_tokens: number;
  };
  readonly timings: Record<string, number>;
  readonly logprobs?: {
    readonly id: number;
    readonly text: string;
    readonly logprob: number;
    readonly top: { readonly id: number; readonly logprob: number }[];
  }[];
  readonly error?: {
    readonly code: string;
    readonly type: string;
    readonly message: string;
    readonly param?: string;
    readonly request_id: string;
  };
}

export interface Event {
  readonly event: string;
  readonly data: Record<string, unknown>;
}

export const user = (content: string) => [{ role: 'user', content }];

/** Sends a JSON body, whatever it is. */
export function post(url: string, body: unknown, init: RequestInit = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...init,
  });
}

/** An answer as one body. */
export async function generate(server: string, body: object): Promise<GenerateAnswer> {
  return (await (await post(`${server}/v1/generate`, body)).json()) as GenerateAnswer;
}

/** The events of a stream, as they come. */
export async function* stream(server: string, body: object, signal?: AbortSignal, key?: string): AsyncGenerator<Event> {
  const headers = { 'content-type': 'application/json', ...(key !== undefined && { authorization: `Bearer ${key}` }) };
  const response = await post(`${server}/v1/generate`, { ...body, stream: true }, { signal, headers });
  let pending = '';
  for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
    const blocks = (pending + text).split('\n\n');
    pending = blocks.pop()!;
    for (const block of blocks) {
      const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? [];
      if (event) yield { event, data: JSON.parse(data) as Record<string, unknown> };
    }
  }
}

/** The samples of `/metrics` by name and labels, as they stand in the text. */
export async function metrics(server: string): Promise<Map<string, number>> {
  const text = await (await fetch(`${server}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}
