import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

/**
 * How two keys share a real server: each has a queue full of equal requests, one key has three times the weight of the other. Compared is
 * what each had of the time of steps (`served_ms` of `/v1/status`) while both had requests that waited.
 */
const { values: options } = parseArgs({
  options: {
    requests: { type: 'string', default: '50' },
    weight: { type: 'string', default: '3' },
    model: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log(`npm run bench -- fairness [--requests 50] [--weight 3] [--model FILE]
The demo model's server, or that of FILE, with so many requests of each of two keys, of weights 1 and 3. A line of JSON: the time for which both had
requests that waited, what each had of the steps meanwhile, and the heavier key's share beside the one that its weight gives it.`);
  process.exit(0);
}

interface Tenant {
  readonly name: string;
  readonly queued: number;
  readonly served_ms: number;
}
type Sample = Readonly<Record<'light' | 'heavy', Tenant>>;

const root = path.resolve(import.meta.dirname, '../../..');
const command = path.join(root, 'tools/starling.mjs');
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-fairness-'));
const keyFile = path.join(folder, 'keys.json');
const weights = { light: 1, heavy: Number(options.weight) };
const addKey = (name: string, ...more: readonly string[]): string =>
  execFileSync(process.execPath, [command, 'keys', 'add', name, '--api-keys-file', keyFile, ...more], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  }).trim();
const keys = {
  light: addKey('light', '--weight', String(weights.light)),
  heavy: addKey('heavy', '--weight', String(weights.heavy)),
};
const admin = addKey('admin', '--role', 'admin');
const secrets = { ...keys, admin };

const count = Number(options.requests);
const server = spawn(
  process.execPath,
  [
    ...[command, 'serve', '--port', '0', '--log-level', 'silent', '--api-keys-file', keyFile],
    ...['--parallel', '4', '--ctx-size', '512', '--queue-limit', String(2 * count), '--max-connections', '1024'],
    ...(options.model === undefined ? [] : ['-m', options.model]),
  ],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
let printed = '';
let url = '';
for await (const chunk of server.stdout) {
  printed += String(chunk);
  url = /listens on (http:\/\/\S+)/.exec(printed)?.[1] ?? '';
  if (url !== '') break;
}

let isOver = false;
async function ask(key: keyof typeof secrets, index: number): Promise<void> {
  const body = { prompt: `${key} tells story ${index}`, max_tokens: 48, ignore_eos: true, cache_prompt: false };
  const response = await fetch(`${url}/v1/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${secrets[key]}` },
    body: JSON.stringify(body),
  });
  await response.text();
  if (response.status !== 200) console.error(`a request of ${key} got ${response.status}`);
}

/** What each key has, while both have something that waits. */
async function sample(): Promise<Sample | undefined> {
  const response = await fetch(`${url}/v1/status`, { headers: { authorization: `Bearer ${admin}` } });
  const { models } = (await response.json()) as { readonly models: readonly [{ readonly tenants: readonly Tenant[] }] };
  const [light, heavy] = ['light', 'heavy'].map((name) => models[0].tenants.find((tenant) => tenant.name === name));
  return light && heavy && light.queued > 0 && heavy.queued > 0 ? { light, heavy } : undefined;
}

try {
  // The first steps of a process take long, whoever they are for: they are nobody's here.
  await Promise.all([0, 1, 2, 3].map((i) => ask('admin', i)));
  const asked = Promise.all(Array.from({ length: count }, (_, i) => [ask('light', i), ask('heavy', i)]).flat()).finally(
    () => (isOver = true),
  );
  let first: { readonly at: number; readonly of: Sample } | undefined;
  let last = first;
  while (!isOver) {
    const found = await sample();
    if (found) last = { at: performance.now(), of: found };
    first ??= last;
    await sleep(10);
  }
  await asked;
  if (first === undefined || last === undefined) throw new ReferenceError('the keys never waited at the same time');
  const [from, to] = [first, last];
  const had = (key: keyof typeof keys): number => to.of[key].served_ms - from.of[key].served_ms;
  const share = had('heavy') / (had('heavy') + had('light'));
  const due = weights.heavy / (weights.heavy + weights.light);
  console.log(
    JSON.stringify({
      interval_ms: Math.round(to.at - from.at),
      light_ms: had('light'),
      heavy_ms: had('heavy'),
      heavy_share: Number(share.toFixed(3)),
      due_share: Number(due.toFixed(3)),
      off_by: Number((share / due - 1).toFixed(3)),
    }),
  );
} finally {
  server.kill('SIGTERM');
  fs.rmSync(folder, { recursive: true });
}
