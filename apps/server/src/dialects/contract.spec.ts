import { StarlingError } from '@starling/core';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { givenKey } from '../access/given-keys.js';
import { KeyRing } from '../access/key-ring.js';
import { ROLES, mayUse } from '../access/principal.js';
import { createApp } from '../app.js';
import { fakeModel, fakeParts, type FakeModelOptions } from '../fake-parts.test-support.js';
import { openApiDocument } from '../openapi/document.js';
import type { AppParts } from '../parts.js';
import { DIALECTS } from './all.js';
import type { Dialect, Endpoint } from './dialect.js';

/** One path of an endpoint. */
interface Route {
  readonly dialect: Dialect;
  readonly endpoint: Endpoint;
  readonly path: string;
}

type Asked = {
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly method?: string;
  readonly path?: string;
};

const routes = DIALECTS.flatMap((dialect) =>
  dialect.endpoints.flatMap((endpoint) => endpoint.paths.map((path): Route => ({ dialect, endpoint, path }))),
);
const named = (wanted: (route: Route) => boolean) =>
  routes.filter(wanted).map((route) => [`${route.endpoint.method} ${route.path}`, route] as const);
const takesBody = ({ endpoint }: Route) => endpoint.body !== undefined;
/** What asks a model for an answer, in a way that the fakes know. */
const answers = ({ endpoint, path }: Route) =>
  (endpoint.answers === 'events' || endpoint.answers === 'lines') && !['/infill', '/api/pull'].includes(path);
const asksModel = (route: Route) =>
  (takesBody(route) &&
    !['/v1/responses/input_tokens', '/predict', '/api/pull', '/api/delete', '/props'].includes(route.path) &&
    !/^(\/v1)?\/models\//.test(route.path)) ||
  route.endpoint.parameters?.model !== undefined;

const document = openApiDocument('1.2.3');
const ajv = new Ajv2020({ strict: false });
ajv.addSchema(document, 'api');
/** The same, where an answer has no field that is not told of. */
const exact = new Ajv2020({ strict: false });
exact.addSchema(
  JSON.parse(JSON.stringify(document), (_, value: unknown) =>
    isOpen(value) ? { ...value, additionalProperties: false } : value,
  ) as object,
  'api',
);

function isOpen(schema: unknown): schema is object {
  return (
    typeof schema === 'object' &&
    schema !== null &&
    'properties' in schema &&
    'required' in schema &&
    !('additionalProperties' in schema)
  );
}

const ADAPTERS: FakeModelOptions['adapters'] = [{ id: 'a', kind: 'lora', digest: 'a', file: '/a.gguf', scale: 1 }];
const KEYS = new KeyRing([() => ROLES.map((role) => givenKey(`${role}-key`, role, role))]);

async function ask(
  { endpoint, path }: Route,
  parts: Partial<AppParts> & { readonly model?: FakeModelOptions },
  { body = endpoint.example, headers, method = endpoint.method, path: at = path }: Asked = {},
): Promise<Response> {
  const { model, ...rest } = parts;
  const app = createApp(
    fakeParts({
      served: [fakeModel({ ...model, adapters: ADAPTERS }), fakeModel({ ...model, name: 'second' })],
      ...rest,
    }).parts,
  );
  const sent =
    method === 'GET' || endpoint.body === undefined
      ? undefined
      : typeof body === 'string'
        ? body
        : JSON.stringify(body);
  return app.request(at.replace(':id', 'resp_1'), {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    body: sent,
  });
}

/** The response is an error of this status, in its API's own shape, as the document of the API has it. */
async function expectError({ dialect, endpoint, path }: Route, response: Response, status: number): Promise<string> {
  expect(response.status).toBe(status);
  expect(response.headers.get('content-type')).toBe('application/json');
  expect(response.headers.get('x-request-id')).toMatch(/./);
  const body: unknown = await response.json();
  expectShape(dialect, body);
  if (status !== 405) {
    const { responses } = document.paths[path.replace(':id', '{id}')][endpoint.method.toLowerCase()];
    expect(Object.keys(responses)).toContain(String(status));
  }
  return JSON.stringify(body);
}

function expectShape(dialect: Dialect, body: unknown): void {
  const schema = `api#/components/schemas/${dialect.name.replace(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase())}Error`;
  const isValid = ajv.validate(schema, body);
  expect(isValid ? [] : [ajv.errorsText(), JSON.stringify(body)]).toEqual([]);
}

function expectAnswer({ endpoint, path }: Route, body: unknown): void {
  const { responses } = document.paths[path.replace(':id', '{id}')][endpoint.method.toLowerCase()];
  const { content = {} } = responses[200] as Extract<(typeof responses)[string], { description: string }>;
  const isValid = exact.validate(String(content['application/json'].schema.$ref).replace('#', 'api#'), body);
  expect(isValid ? [] : [exact.errorsText(), JSON.stringify(body)]).toEqual([]);
}

describe.each(named(() => true))('%s', (_, route) => {
  const { dialect, endpoint } = route;

  it('is refused without a key (401), and with one of another role (403)', async () => {
    await expectError(route, await ask(route, { keys: KEYS }), 401);
    for (const role of ROLES.filter((one) => !mayUse(givenKey('k', one, 'k').principal, endpoint.access))) {
      await expectError(route, await ask(route, { keys: KEYS }, { headers: { 'x-api-key': `${role}-key` } }), 403);
    }
  });

  it('takes no other method (405)', async () => {
    const response = await ask(route, {}, { method: 'PUT' });
    expect(response.headers.get('allow')).toContain(endpoint.method);
    await expectError(route, response, 405);
  });

  it('answers its own example, or says why not', async () => {
    const response = await ask(route, {});
    expect([200, 404, 501]).toContain(response.status);
    if (response.status !== 200) return void (await expectError(route, response, response.status));
    // What streams unless told otherwise is asked for whole.
    const whole =
      endpoint.answers === 'lines'
        ? await ask(route, {}, { body: { ...Object(endpoint.example), stream: false } })
        : response;
    if (whole.status !== 200) await expectError(route, whole, whole.status);
    else if (whole.headers.get('content-type') === 'application/json') expectAnswer(route, await whole.json());
    else expect(endpoint.answer).toBeUndefined();
  });

  if (endpoint.method === 'POST') {
    it('is refused beyond the caller’s limit (429), and while the server shuts down (503)', async () => {
      const principal = { ...givenKey('k', 'admin', 'k').principal, limits: { requestsPerMinute: 1 } };
      const { parts } = fakeParts({ keys: new KeyRing([() => [{ ...givenKey('k', 'admin', 'k'), principal }]]) });
      const asked = { headers: { 'x-api-key': 'k' } };
      await ask(route, parts, asked);
      const response = await ask(route, parts, asked);
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
      await expectError(route, response, 429);
      const late = await ask(route, { isAccepting: () => false });
      expect(late.headers.get('retry-after')).toBe('1');
      await expectError(route, late, 503);
    });
  }

  if (takesBody(route)) {
    it.each([
      ['that is not JSON', 400, '{"', {}],
      ['of another kind', 400, JSON.stringify('text'), {}],
      [
        'with a field of another kind',
        400,
        Array.isArray(endpoint.example) ? [7] : { ...Object(endpoint.example), model: 7, instances: 7 },
        {},
      ],
      ['that is larger than the limit', 413, { text: 'x'.repeat(20_000) }, {}],
      ['of another type', 415, endpoint.example, { 'content-type': 'text/plain' }],
      ['that is compressed', 415, endpoint.example, { 'content-encoding': 'gzip' }],
    ])('refuses a body %s (%d)', async (_kind, status, body, headers: Record<string, string>) => {
      await expectError(route, await ask(route, {}, { body, headers }), status);
    });
  }

  if (asksModel(route)) {
    it('is refused where there is no such model (404), and while it is loaded (503)', async () => {
      const [body, path] =
        endpoint.method === 'GET' || endpoint.parameters?.model !== undefined || Array.isArray(endpoint.example)
          ? [undefined, `${route.path}?model=missing`]
          : [{ ...Object(endpoint.example), model: 'missing' }, undefined];
      expect(await expectError(route, await ask(route, {}, { body, path }), 404)).toContain('missing');
      const pick = () => {
        throw new StarlingError('model_not_loaded', 'the model is still loading', {
          details: { param: 'model', state: 'loading' },
        });
      };
      const response = await ask(route, { models: { resolve: () => undefined, list: () => [], pick } });
      if (route.path === '/v1/sessions') expect(response.status).toBe(200);
      else await expectError(route, response, 503);
    });
  }

  if (answers(route)) {
    it('is refused where the queue is full (429), the deadline has gone by (408) or memory has run out (503)', async () => {
      for (const code of ['queue_full', 'deadline_exceeded', 'kv_exhausted'] as const) {
        const model = { refuse: () => new StarlingError(code, 'not now', { details: { retryAfterMs: 1500 } }) };
        const response = await ask(route, { model });
        expect(response.headers.get('retry-after')).toBe('2');
        await expectError(route, response, dialect.errors[code].status);
      }
    });

    it('keeps to itself what went wrong inside (500)', async () => {
      expect(
        await expectError(route, await ask(route, { model: { refuse: () => new Error('a secret') } }), 500),
      ).not.toContain('secret');
    });

    it('ends a stream that fails with the error', async () => {
      const model: FakeModelOptions = {
        beforeToken: (index) =>
          index === 0 ? Promise.resolve() : Promise.reject(new StarlingError('worker_failed', 'it stopped')),
      };
      const response = await ask(route, { model }, { body: { ...Object(endpoint.example), stream: true } });
      expect(response.status).toBe(200);
      const events = (await response.text())
        .split(/\n+/)
        .flatMap((line) =>
          /^(?:data: )?\{/.test(line) ? [JSON.parse(line.replace('data: ', '')) as Record<string, unknown>] : [],
        );
      const error = events.findLast((event) => 'error' in event);
      if (route.path.endsWith('/responses')) expect(events.at(-1)).toMatchObject({ type: 'response.failed' });
      else expectShape(dialect, error);
      expect(JSON.stringify(error ?? events.at(-1))).toContain('it stopped');
    });
  }
});

describe('a path below an API that none of its routes takes', () => {
  it.each([
    ['/v1/nothing', 'native'],
    ['/v1/messages/nothing', 'anthropic'],
    ['/api/nothing', 'ollama'],
  ])('%s is refused as %s does', async (path, name) => {
    const response = await createApp(fakeParts().parts).request(path);
    expect(response.status).toBe(404);
    expectShape(DIALECTS.find((dialect) => dialect.name === name)!, await response.json());
  });
});
