import { createConfig, lintFromString } from '@redocly/openapi-core';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createApp } from '../app.js';
import { fakeParts } from '../fake-parts.test-support.js';
import { siteFiles } from '../page-files.js';
import type { OpenApiDocument } from './openapi-types.js';

const app = createApp(fakeParts().parts);
const get = async (path: string) => app.request(path);
const document = (await (await get('/openapi.json')).json()) as OpenApiDocument;

/** Files that pages are made of: nobody calls them. */
const isPageFile = (path: string) => path.startsWith('/web/') || path === '/docs/style.css';

describe('GET /openapi.json', () => {
  it('is a document that a linter finds nothing in', async () => {
    const problems = await lintFromString({
      source: JSON.stringify(document),
      absoluteRef: 'openapi.json',
      config: await createConfig({ extends: ['recommended'] }),
    });
    expect(problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} ${location[0].pointer}`)).toEqual([]);
  });

  it('names each route of the app, and no other', () => {
    const served = app.routes
      .filter(({ method, path }) => method !== 'ALL' && method !== 'OPTIONS' && !isPageFile(path))
      .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`);
    const told = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(told.length).toBeGreaterThan(50);
    expect([...told].sort()).toEqual([...new Set(served)].sort());
  });

  it('has the schemas that bodies are held to', () => {
    const { properties, required, additionalProperties } = document.components.schemas.V1GenerateBody;
    expect(additionalProperties).toBe(false);
    expect(required ?? []).toEqual([]);
    expect(properties).toMatchObject({
      temperature: { anyOf: [{ type: 'number', minimum: 0 }, { type: 'null' }] },
      priority: { anyOf: [{ type: 'integer', minimum: -1000, maximum: 1000 }, { type: 'null' }] },
      prompt: {
        anyOf: [
          { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'integer' }, minItems: 1 }] },
          { type: 'null' },
        ],
      },
    });
    expect(document.components.schemas.V1ChatCompletionsBody).toMatchObject({ required: ['messages'] });
    expect(document.components.schemas.V1ChatCompletionsBody.additionalProperties).not.toBe(false);
  });

  it('has a schema of each JSON answer, that is no schema of anything', () => {
    const answers = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, { responses }]) => {
        const { content = {} } = responses['200'] as { content?: Record<string, { schema: object }> };
        return 'application/json' in content
          ? [[`${method} ${path}`, content['application/json'].schema] as const]
          : [];
      }),
    );
    expect(answers.length).toBeGreaterThan(50);
    expect(answers.filter(([, schema]) => Object.keys(schema).length === 0)).toEqual([]);
    expect(document.components.schemas.PostV1ChatCompletionsAnswer).toMatchObject({
      required: expect.arrayContaining(['id', 'choices', 'usage']),
      properties: { object: { const: 'chat.completion' } },
    });
  });

  it.each([
    ['/v1/chat/completions', 'text/event-stream'],
    ['/api/chat', 'application/x-ndjson'],
  ])('tells of streams and errors: %s', (path, type) => {
    const { responses } = document.paths[path].post;
    expect(responses).toMatchObject({ 200: { content: { 'application/json': {}, [type]: {} } } });
    for (const status of ['400', '401', '403', '404', '413', '415', '429', '500', '503'])
      expect(responses[status]).toHaveProperty('$ref');
  });
});

describe('GET /docs', () => {
  it('tells of each operation, and needs no other host and no script', async () => {
    const response = await get('/docs');
    const page = await response.text();
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page).not.toMatch(/(?:src|href)="(?:https?:)?\/\/|<script/);
    for (const methods of Object.values(document.paths)) {
      for (const { operationId } of Object.values(methods)) expect(page).toContain(`<details id="${operationId}">`);
    }
    expect(page).toContain('<td><code>messages[].role</code></td>');
    expect((await get('/docs/style.css')).headers.get('content-type')).toBe('text/css; charset=utf-8');
    expect(page).not.toContain('docs/site');
    expect(
      (await app.request('/docs', { headers: { 'if-none-match': response.headers.get('etag') ?? '' } })).status,
    ).toBe(304);
  });

  it('leads to the site of the documents, where one is that was built for this path', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'site-'));
    const write = (name: string, text: string): void => fs.writeFileSync(path.join(folder, name), text);
    write('index.html', '<!doctype html><p>The site');
    write('notes.txt', 'no file of the site');
    write('starling-site.json', '{"base": "/elsewhere/"}');
    expect(siteFiles([folder]).size).toBe(0);
    write('starling-site.json', '{"base": "/docs/site/"}');
    const { parts } = fakeParts();
    const withSite = createApp({ ...parts, site: siteFiles([path.join(folder, 'gone'), folder]) });
    expect(await (await withSite.request('/docs')).text()).toContain('href="docs/site/"');
    const response = await withSite.request('/docs/site/');
    expect(await response.text()).toContain('The site');
    expect(response.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self';/,
    );
    expect(
      (await withSite.request('/docs/site/', { headers: { 'if-none-match': response.headers.get('etag') ?? '' } }))
        .status,
    ).toBe(304);
    expect((await withSite.request('/docs/site')).headers.get('location')).toBe('/docs/site/');
    for (const name of ['notes.txt', '%2e%2e/package.json', 'gone.html'])
      expect((await withSite.request(`/docs/site/${name}`)).status).toBe(404);
    fs.rmSync(folder, { recursive: true });
  });
});
