import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { until } from '../../../../tools/jest/until.js';
import { fakeIo } from '../cli-io.test-support.js';
import { compose, type Server } from '../compose.js';
import { resolveConfig } from '../config/resolve-config.js';
import { FAULTS_VARIABLE, faultsOf } from './fault-injection.js';
import { FaultPlan } from './fault-plan.js';

const never = new AbortController().signal;
const servers: Server[] = [];
const folders: string[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close(AbortSignal.abort());
  for (const folder of folders.splice(0)) fs.rmSync(folder, { recursive: true });
});

/** A server with the demo model to which this happens. Steps 1 and 2 are the warm-up's. */
async function serving(faults: string, flags: Record<string, unknown> = {}): Promise<Server> {
  const environment = { [FAULTS_VARIABLE]: faults };
  const server = compose(
    resolveConfig({
      flags: { port: 0, threads: 2, draftMax: 0, idlePrefill: false, logLevel: 'silent', ...flags },
      environment: {},
    }),
    fakeIo('', { environment }),
  );
  servers.push(server);
  await server.start();
  return server;
}

/** What a client gets: the status, and the answer or the error. */
async function ask(
  server: Server,
  body: object = {},
): Promise<{
  status: number;
  text?: string;
  error?: { code: string; request_id: string };
  usage?: { cached_tokens: number };
}> {
  const response = await fetch(`${server.url}/v1/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: 'Once', temperature: 0, ignore_eos: true, max_tokens: 40, ...body }),
  });
  return { status: response.status, ...((await response.json()) as object) };
}

const metric = async (server: Server, name: string): Promise<number> =>
  Number(
    new RegExp(`^starling_${name}(?:\\{.*\\})? (.+)$`, 'm').exec(
      await (await fetch(`${server.url}/metrics`)).text(),
    )?.[1],
  );

describe('a server to which something happens', () => {
  it('answers as ever when a compute thread dies, when all hang, and when memory runs out: the step is tried again', async () => {
    const server = await serving('worker_dies@20,memory_runs_out@60,worker_hangs@100', { watchdogSeconds: 5 });
    const answers: Awaited<ReturnType<typeof ask>>[] = [];
    for (let i = 0; i < 4; i++) answers.push(await ask(server, { cache_prompt: false }));
    expect(answers.map(({ status, text }) => [status, text])).toEqual(answers.map(() => [200, answers[3].text]));
    // A thread that dies between two steps is replaced without a word.
    expect(await metric(server, 'worker_restarts_total')).toBeGreaterThanOrEqual(1);
  });

  it('fails the requests of a step that throws, and no others', async () => {
    const server = await serving('step_throws@20', { parallel: 1 });
    const [hit, queued] = await Promise.all([ask(server, { max_tokens: 60 }), ask(server, { max_tokens: 60 })]);
    const [failed, answered] = hit.status === 200 ? [queued, hit] : [hit, queued];
    expect(failed).toMatchObject({
      status: 500,
      error: { code: 'internal', request_id: expect.any(String) as string },
    });
    expect(answered).toMatchObject({ status: 200, text: (await ask(server, { max_tokens: 60 })).text });
  });

  it('fails the request whose logits are no numbers, and leaves the one beside it', async () => {
    const server = await serving('logits_nan@20', { parallel: 2 });
    const [one, other] = await Promise.all([ask(server, { max_tokens: 60 }), ask(server, { max_tokens: 60 })]);
    const [failed, answered] = one.status === 200 ? [other, one] : [one, other];
    expect(failed).toMatchObject({
      status: 500,
      error: { code: 'internal', request_id: expect.any(String) as string },
    });
    expect(answered).toMatchObject({ status: 200, text: (await ask(server, { max_tokens: 60 })).text });
  });

  it('keeps its sessions when the clock jumps by a day', async () => {
    const server = await serving('clock_jumps@10');
    const now = Date.now;
    await ask(server, { session_id: 'chat' });
    const jumped = Date.now() - new Date().getTime();
    const known = (await ask(server, { session_id: 'chat' })).usage?.cached_tokens;
    Date.now = now;
    expect(jumped).toBeGreaterThan(80_000_000);
    expect(known).toBeGreaterThan(30);
  });

  it.each(['disk_full@1-', 'disk_slow@1-', 'disk_lies@1-'])('answers as ever, and ends, with %s', async (faults) => {
    const kvDir = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-faults-'));
    folders.push(kvDir);
    // Memory for two of these prompts.
    const server = await serving(faults, { kvDir, ctxSize: 256, parallel: 2, drainSeconds: 1 });
    const prompts = ['a', 'b', 'c', 'd', 'a'].map((letter) => letter.repeat(100));
    const answers: Awaited<ReturnType<typeof ask>>[] = [];
    for (const prompt of prompts) answers.push(await ask(server, { prompt, max_tokens: 4 }));
    expect(answers.map(({ status }) => status)).toEqual(prompts.map(() => 200));
    expect(answers[4].text).toBe(answers[0].text);
    if (faults.startsWith('disk_full')) await until(async () => (await metric(server, 'spill_failures_total')) > 0);
    await server.close(never);
  });
});

describe('faults', () => {
  it('are refused by a server that was built for use, and by name where they are none', () => {
    expect(faultsOf({})).toBeUndefined();
    expect(faultsOf({ [FAULTS_VARIABLE]: '' }, false)).toBeUndefined();
    expect(() => faultsOf({ [FAULTS_VARIABLE]: 'step_throws@1' }, false)).toThrow(
      expect.objectContaining({
        code: 'invalid_argument',
        message: expect.stringContaining(FAULTS_VARIABLE) as string,
      }),
    );
    for (const text of ['step_trows@1', 'step_throws', 'step_throws@x', 'step_throws@1,'])
      expect(() => faultsOf({ [FAULTS_VARIABLE]: text })).toThrow(
        expect.objectContaining({ code: 'invalid_argument' }),
      );
  });

  it('happen at their times', () => {
    const plan = new FaultPlan('step_throws@2, disk_full@2-3 ,logits_nan@3-');
    const times = (['step_throws', 'disk_full', 'logits_nan', 'disk_slow'] as const).map((fault) =>
      Array.from({ length: 5 }, () => plan.happens(fault))
        .map(Number)
        .join(''),
    );
    expect(times).toEqual(['01000', '01100', '00111', '00000']);
  });
});
