import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { post } from './support/client.js';
import { startServer, type RunningServer } from './support/starling-process.js';

interface SentSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly attributes: readonly {
    readonly key: string;
    readonly value: { readonly stringValue?: string; readonly intValue?: number };
  }[];
}

const spans: SentSpan[] = [];
const collector = http.createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (text: string) => void (body += text));
  request.on('end', () => {
    const { resourceSpans } = JSON.parse(body) as { resourceSpans: { scopeSpans: { spans: SentSpan[] }[] }[] };
    for (const { scopeSpans } of resourceSpans) for (const scope of scopeSpans) spans.push(...scope.spans);
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
});
let server: RunningServer | undefined;
beforeAll(() => new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve)));
afterAll(async () => {
  await server?.stop('SIGKILL');
  collector.close();
});

const trace = '0af7651916cd43dd8448eb211c80319c';
const caller = 'b7ad6b7169203331';
const attribute = (span: SentSpan, key: string) => span.attributes.find((one) => one.key === key)?.value;

it('requests lie in their callers’ traces, with what the engine did for them; metrics lead there, and all is sent before the server ends', async () => {
  server = await startServer([
    '--otlp-endpoint',
    `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
    '--vllm-metrics',
  ]);
  const body = { prompt: 'Once upon a time', grammar: 'root ::= [ -~]{100}', temperature: 0, max_tokens: 8 };
  const response = await fetch(`${server.url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', traceparent: `00-${trace}-${caller}-01` },
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(200);
  await response.json();
  const refused = await post(`${server.url}/v1/generate`, { prompt: 3 });
  expect(refused.status).toBe(400);
  await refused.body?.cancel();
  const page = await (await fetch(`${server.url}/metrics`)).text();
  expect((await server.stop()).code).toBe(0);

  const root = spans.find(({ name }) => name === 'POST /v1/completions')!;
  expect(root).toMatchObject({ traceId: trace, parentSpanId: caller });
  expect(response.headers.get('traceparent')).toBe(`00-${trace}-${root.spanId}-01`);
  const below = (parent: SentSpan) => spans.filter(({ parentSpanId }) => parentSpanId === parent.spanId);
  const [generate] = below(root);
  expect(attribute(generate, 'gen_ai.usage.output_tokens')).toEqual({ intValue: 8 });
  expect(below(generate).map(({ name }) => name)).toEqual(
    expect.arrayContaining(['tokenize', 'grammar', 'queue', 'prefill', 'decode']),
  );
  expect(below(below(generate).find(({ name }) => name === 'decode')!).map(({ name }) => name)).toEqual(['sample']);
  expect(spans.map(({ name }) => name)).toContain('load');
  expect(attribute(spans.find(({ name }) => name === 'POST /v1/generate')!, 'error.type')).toEqual({
    stringValue: 'invalid_request',
  });

  expect(page).toMatch(new RegExp(`^starling_time_to_first_token_seconds_bucket\\{.*trace_id="${trace}"`, 'm'));
  expect(page).toMatch(
    /^gen_ai_server_time_to_first_token_seconds_count\{gen_ai_operation_name="text_completion",.*\} 1$/m,
  );
  expect(page).toMatch(/^vllm:generation_tokens_total\{model_name="[^"]+"\} 8$/m);
});
