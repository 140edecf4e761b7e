/** A request to try. */
export interface TriedRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** Whose clients ask so. */
  readonly clients: string;
  readonly body?: string;
}

const messages = [{ role: 'user', content: 'What is the capital of France?' }];
const bodyOf = (body: object): string => JSON.stringify(body, undefined, 2);

/** One request of each API that the server speaks. */
export const REQUESTS: readonly TriedRequest[] = [
  {
    method: 'POST',
    path: '/v1/chat/completions',
    clients: 'OpenAI',
    body: bodyOf({ messages, temperature: 0, max_tokens: 32 }),
  },
  {
    method: 'POST',
    path: '/v1/messages',
    clients: 'Anthropic',
    body: bodyOf({ model: 'starling-demo-q8_0', messages, max_tokens: 32 }),
  },
  {
    method: 'POST',
    path: '/api/chat',
    clients: 'Ollama',
    body: bodyOf({ model: 'starling-demo-q8_0', messages, stream: true }),
  },
  {
    method: 'POST',
    path: '/completion',
    clients: 'llama-server',
    body: bodyOf({ prompt: 'The starling', n_predict: 16 }),
  },
  {
    method: 'POST',
    path: '/v1/generate',
    clients: 'Starling',
    body: bodyOf({ prompt: 'The starling', max_tokens: 16, stream: true }),
  },
  { method: 'GET', path: '/v1/models', clients: 'OpenAI, for its models' },
];

/** What came of a request. */
export interface Asked {
  readonly outcome: string;
  readonly text: string;
}

/** Characters of an answer that are shown, at most. */
const MOST = 20_000;

/** Asks the server of this page, and reads what it says to the end. Never throws: what goes wrong is an outcome. */
export async function askServer({ method, path }: TriedRequest, body: string, key: string): Promise<Asked> {
  const begin = performance.now();
  try {
    const response = await fetch(path, {
      method,
      headers: { 'content-type': 'application/json', ...(key !== '' && { authorization: `Bearer ${key}` }) },
      ...(method === 'POST' && { body }),
    });
    const text = await response.text();
    const took = `${response.status} after ${Math.round(performance.now() - begin)} ms`;
    // A host of files alone knows none of the routes, and says so in a page.
    if (!/json|event-stream/.test(response.headers.get('content-type') ?? ''))
      return {
        outcome: `${took}: no Starling answers here. Start one (npm start), and open its /docs/site/.`,
        text: '',
      };
    return { outcome: took, text: shown(text).slice(0, MOST) };
  } catch (error) {
    return { outcome: `The server cannot be reached: ${String(error)}`, text: '' };
  }
}

function shown(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
}
