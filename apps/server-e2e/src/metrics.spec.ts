import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { repositoryRoot, startServer, type RunningServer } from './support/starling-process.js';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-metrics-'));
let server: RunningServer;
afterAll(async () => {
  await server?.stop('SIGKILL');
  fs.rmSync(folder, { recursive: true });
});

/** What only moves when something breaks, with the test that breaks it. */
const RARE: Readonly<Record<string, readonly [spec: string, what: string]>> = {
  starling_worker_restarts_total: ['libs/engine/src/golden.spec.ts', "code: 'worker_failed'"],
  starling_draft_step_duration_seconds: ['libs/engine/src/drafting/draft-model.spec.ts', 'draft_step'],
  starling_spill_failures_total: ['apps/server-e2e/src/kv-dir.spec.ts', 'starling_spill_failures_total'],
  starling_spill_late_total: ['libs/engine/src/spill-fuzz.spec.ts', "'storage_late'"],
  starling_spill_dropped_total: ['apps/server-e2e/src/kv-dir.spec.ts', 'starling_spill_dropped_total'],
};

/** A template that writes more after an answer once another message follows: that can be computed ahead. */
const TEMPLATE = `{% for m in messages %}{{ m.role }}: {{ m.content }}
{% if m.role == 'assistant' %}(${'That was the answer, and now comes another question. '.repeat(4)})
{% endif %}{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}`;

const send = (key: string, route: string, body?: object, signal?: AbortSignal) =>
  fetch(`${server.url}${route}`, {
    method: body ? 'POST' : 'GET',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    ...(body && { body: JSON.stringify(body) }),
    signal,
  });
const generate = async (key: string, body: object) =>
  (await (await send(key, '/v1/generate', { temperature: 0, max_tokens: 4, ignore_eos: true, ...body })).json()) as {
    readonly text: string;
    readonly error?: { readonly code: string };
  };

/** Families that the page declares, and those of which a sample was more than nothing on one of the pages that were looked at. */
const declared = new Set<string>();
const moved = new Set<string>();
async function look(): Promise<Map<string, number>> {
  const samples = new Map<string, number>();
  for (const line of (await (await send('boss', '/metrics')).text()).split('\n')) {
    const [, type] = /^# TYPE (\S+) /.exec(line) ?? [];
    if (type) declared.add(type);
    const [, sample, value] = /^([^#]\S*(?: \S+)*?) (\S+)$/.exec(line) ?? [];
    if (sample) samples.set(sample, Number(value));
  }
  for (const [sample, value] of samples) {
    const name = sample.replace(/\{.*/, '');
    for (const family of [name, name.replace(/_(count|total)$/, '')])
      if (value > 0 && declared.has(family)) moved.add(family);
  }
  return samples;
}
const sumOf = (samples: ReadonlyMap<string, number>, name: string): number =>
  [...samples].filter(([sample]) => sample.startsWith(name)).reduce((sum, [, value]) => sum + value, 0);

/** Looks until it is so. */
async function until(holds: (samples: ReadonlyMap<string, number>) => boolean): Promise<void> {
  while (!holds(await look()));
}

it('each metric of the page moves with real traffic; what only moves when something breaks has a test that breaks it', async () => {
  const system = 'You are brief, and you always answer with one word.';
  fs.writeFileSync(path.join(folder, 'system.txt'), system);
  server = await startServer([
    '--kv-dir',
    path.join(folder, 'kv'),
    '-c',
    '512',
    '--parallel',
    '2',
    '--ctx-shared',
    '--queue-limit',
    '1',
    '--chat-template',
    TEMPLATE,
    '--shared-prefix',
    path.join(folder, 'system.txt'),
    '--api-key',
    'alice',
    '--api-key',
    'bob',
    '--admin-api-key',
    'boss',
  ]);
  // Two turns of a chat; what is known of the second is computed before it comes.
  const messages = [
    { role: 'system', content: system },
    { role: 'user', content: `Tell me of ${'a fox and '.repeat(6)}a bear.` },
  ];
  const { text } = await generate('alice', { messages, max_tokens: 200, stop: ['e', 'a'] });
  await until((samples) => sumOf(samples, 'starling_prompt_tokens_ahead_total') > 0);
  await generate('alice', {
    messages: [...messages, { role: 'assistant', content: text }, { role: 'user', content: 'And then?' }],
  });
  // More sessions than memory has room for: the first goes to disk, and comes back.
  const story = (name: string) => `${name} ${`and ${name} `.repeat(60)}`;
  for (const name of ['Anna', 'Bert', 'Cara', 'Dirk', 'Emma', 'Fritz'])
    await generate('alice', { session_id: name, prompt: story(name) });
  await until((samples) => sumOf(samples, 'starling_spilled_bytes_total') > 0);
  while (!moved.has('starling_restored_bytes_total') && !moved.has('starling_restored_bytes')) {
    for (const name of ['Anna', 'Bert', 'Cara', 'Dirk', 'Emma', 'Fritz'])
      await generate('alice', { prompt: story(name) });
    await look();
  }
  // A text that comes round again is drafted.
  while (sumOf(await look(), 'starling_accepted_draft_tokens_total') === 0)
    await generate('alice', {
      prompt: 'Count: ',
      grammar: 'root ::= ("one two three four five six seven. ")+',
      max_tokens: 200,
    });
  // Both slots are one caller's until another comes; then one waits, and a further one is refused.
  const client = new AbortController();
  const long = () =>
    send(
      'alice',
      '/v1/generate',
      { prompt: 'Once upon a time', ignore_eos: true, stream: true, max_tokens: 200 },
      client.signal,
    )
      .then((response) => response.text())
      .catch(() => undefined);
  const streams = [long(), long()];
  await until((samples) => samples.get('starling_running_sequences') === 2);
  const other = generate('bob', { prompt: 'Hello' });
  const busy = [long(), long(), long(), long()];
  await until(
    (samples) => sumOf(samples, 'starling_dropped_total') > 0 && sumOf(samples, 'starling_preemptions_total') > 0,
  );
  client.abort();
  await Promise.all([...streams, ...busy, other]);
  await look();

  const still = [...declared].filter((name) => !moved.has(name) && !moved.has(`${name}_total`));
  const isRare = (name: string): boolean => name in RARE || `${name}_total` in RARE;
  expect(still.filter((name) => !isRare(name))).toEqual([]);
  for (const [spec, what] of Object.values(RARE))
    expect(fs.readFileSync(path.join(repositoryRoot, spec), 'utf8')).toContain(what);
  await server.stop();
}, 240_000);
