import { createLanguageModel } from '@starling/engine';
import { FakeModelRuntime } from '@starling/transformer/testing';
import { givenKey } from '../../access/given-keys.js';
import { KeyRing } from '../../access/key-ring.js';
import { createApp } from '../../app.js';
import { byteTokenizer, fakeParts } from '../../fake-parts.test-support.js';
import { servedModel } from '../../models/served-model.js';
import { WorkCounter } from '../../work-totals.js';

interface Status {
  readonly version: string;
  readonly time_ms: number;
  readonly totals: Record<string, number>;
  readonly models: readonly {
    readonly name: string;
    readonly state: string;
    readonly kv: Record<string, number>;
    readonly tenants: readonly Record<string, unknown>[];
  }[];
}

describe('GET /v1/status', () => {
  it('tells of slots, pages, totals, and tenants by the names of their keys', async () => {
    const work = new WorkCounter();
    const model = createLanguageModel({ name: 'counter', runtime: new FakeModelRuntime(), tokenizer: byteTokenizer });
    model.on((event) => work.note(event));
    const known = [givenKey('one', 'user', 'the first'), givenKey('boss', 'admin', 'the boss')];
    let held = known;
    const { parts } = fakeParts({
      served: [servedModel(model, { defaults: {}, aliases: [], tags: [] })],
      keys: new KeyRing([() => held]),
      totals: () => work.totals(),
      clock: () => 12.4,
    });
    const app = createApp(parts);
    const ask = async (): Promise<Status> =>
      (await (await app.request('/v1/status', { headers: { 'x-api-key': 'boss' } })).json()) as Status;
    const generate = () =>
      app.request('/v1/generate', {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': 'one' },
        body: JSON.stringify({ prompt: [1, 2, 3], max_tokens: 4, temperature: 0 }),
      });
    const before = await ask();
    expect(before).toMatchObject({
      version: '1.2.3',
      time_ms: 12,
      totals: { requests: 0, prompt_tokens: 0, generated_tokens: 0 },
      models: [{ name: 'counter', state: 'ready', queued: 0, running: 0, slots: 8, tenants: [] }],
    });
    await (await generate()).json();
    await (await generate()).json();
    const {
      totals,
      models: [now],
    } = await ask();
    expect(totals).toMatchObject({ requests: 2, rejected: 0, generated_tokens: 8 });
    expect(totals.prompt_tokens + totals.cached_tokens).toBe(6);
    expect(totals.cached_tokens).toBeGreaterThan(0);
    expect(now.kv.used + now.kv.cached + now.kv.free).toBe(now.kv.pages);
    expect(now.kv.cached).toBeGreaterThan(0);
    expect(now.tenants).toEqual([
      { name: 'the first', weight: 1, queued: 0, running: 0, served_ms: expect.any(Number) },
    ]);
    held = known.slice(1);
    const [left] = (await ask()).models[0].tenants;
    expect(left.name).toMatch(/^key [0-9a-f]{8}$/);
  });
});
