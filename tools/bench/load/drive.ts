import type { WorkItem, Workload } from './workload.js';

/** What became of one request. Times are milliseconds. */
export interface Outcome {
  readonly kind: 'answered' | 'left' | 'refused' | 'failed';
  readonly status?: number;
  /** Why it failed. */
  readonly error?: string;
  readonly firstTokenMs?: number;
  /** Times between tokens. */
  readonly intervals: readonly number[];
  readonly tokens: number;
}

/** How requests come: so many clients, each asking again when it has its answer; or so many a second, whoever is served. */
export type Arrivals =
  | { readonly kind: 'closed'; readonly clients: number }
  | { readonly kind: 'open'; readonly perSecond: number };

export interface Load {
  readonly url: string;
  readonly workload: Workload;
  readonly arrivals: Arrivals;
  readonly durationMs: number;
  readonly onOutcome?: (outcome: Outcome) => void;
}

/** Puts a server under load; gives all that came of it, once every request has ended. */
export async function drive({ url, workload, arrivals, durationMs, onOutcome }: Load): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const end = performance.now() + durationMs;
  const once = async (): Promise<void> => {
    const outcome = await ask(url, workload.next());
    outcomes.push(outcome);
    onOutcome?.(outcome);
    // Whoever is refused waits a little, as clients do.
    if (outcome.kind === 'refused' && arrivals.kind === 'closed') await sleep(200);
  };
  if (arrivals.kind === 'closed') {
    const client = async (): Promise<void> => {
      while (performance.now() < end) await once();
    };
    await Promise.all(Array.from({ length: arrivals.clients }, client));
    return outcomes;
  }
  const begun: Promise<void>[] = [];
  const gapMs = 1000 / arrivals.perSecond;
  for (let at = performance.now(); at < end; at += gapMs) {
    await sleep(Math.max(0, at - performance.now()));
    begun.push(once());
  }
  await Promise.all(begun);
  return outcomes;
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function ask(url: string, { messages, maxTokens, leavesAfter = Infinity }: WorkItem): Promise<Outcome> {
  const client = new AbortController();
  const body = { messages, max_tokens: maxTokens, temperature: 0, stream: true };
  const asked = performance.now();
  const intervals: number[] = [];
  let firstTokenMs: number | undefined;
  let last = asked;
  let tokens = 0;
  const outcome = (kind: Outcome['kind'], more: Partial<Outcome> = {}): Outcome => ({
    kind,
    firstTokenMs,
    intervals,
    tokens,
    ...more,
  });
  try {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      signal: client.signal,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok || response.body === null) {
      const text = await response.text();
      return outcome(response.status === 429 || response.status === 503 ? 'refused' : 'failed', {
        status: response.status,
        error: text.slice(0, 200),
      });
    }
    let pending = '';
    let isWhole = false;
    for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
      const now = performance.now();
      const lines = (pending + piece).split('\n');
      pending = lines.pop() ?? '';
      for (const line of lines) {
        if (line.startsWith('data: {"error"')) return outcome('failed', { error: line.slice(0, 200) });
        if (line.startsWith('data: [DONE]')) isWhole = true;
        if (!/^data: \{.*"(?:content|reasoning_content)":"(?!")/.test(line)) continue;
        tokens++;
        if (firstTokenMs === undefined) firstTokenMs = now - asked;
        else intervals.push(now - last);
        last = now;
      }
      if (tokens >= leavesAfter) {
        client.abort();
        return outcome('left');
      }
    }
    return isWhole ? outcome('answered') : outcome('failed', { error: 'the stream ended early' });
  } catch (error) {
    return outcome(client.signal.aborted ? 'left' : 'failed', { error: String(error) });
  }
}
