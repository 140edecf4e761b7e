import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DiskSpillStore } from '@starling/kvcache/node';
import { describeWithFixtures, fixturePath, readFixture } from '../../../tools/fixtures/fixtures.js';
import { toolChat } from '../test/tool-chat.js';
import type { GenerateOptions, TokenPrompt } from './generate-types.js';
import type { LanguageModel } from './language-model.js';
import type { LoadOptions } from './load-options.js';
import { withGoldenModel } from './golden-models.test-support.js';

const models: readonly (readonly [kind: string, folder: string, file: string, vocabSize: number])[] = [
  ['dense', 'archs', 'llama31-gqa-ropefreqs', 512],
  ['windowed', 'archs', 'olmo3-swa', 512],
  ['windowed', 'archs', 'gemma3', 512],
  ['recurrent', 'archs-all', 'falcon-h1-dense', 128],
  ['recurrent', 'archs-all', 'lfm2-dense', 128],
  ['recurrent', 'archs-all', 'mamba2-dense', 128],
  ['recurrent', 'archs-all', 'granitehybrid-dense', 128],
];

for (const [kind, folder, file, vocabSize] of models) {
  describeWithFixtures(`a ${kind} model (${file}) gives the same tokens and the same logits, bit for bit`, () => {
    const options: LoadOptions = {
      inline: true,
      pageTokens: 16,
      contextLength: 128,
      maxBatchTokens: 32,
      maxSequences: 8,
      kvTokens: 1024,
      speculation: false,
    };
    const tokens = (length: number, seed: number) =>
      Array.from({ length }, (_, i) => 3 + ((i * 31 + seed * 17 + i * i * seed) % (vocabSize - 3)));
    const shared = tokens(37, 1);
    const prompts = [
      shared,
      [...shared, ...tokens(11, 2)],
      [...shared.slice(0, 21), ...tokens(20, 3)],
      tokens(50, 4),
      [...shared, ...tokens(30, 5)],
      [...shared, 5],
      shared.slice(0, 33),
      tokens(16, 6),
    ];
    const noEnd = [
      [0, false],
      [1, false],
      [2, false],
    ] as const;
    const request = (prompt: readonly number[]): GenerateOptions & TokenPrompt => ({
      tokens: prompt,
      temperature: 0,
      maxTokens: 40,
      logprobs: 3,
      logitBias: noEnd,
    });
    const ask = async (
      model: LanguageModel,
      prompt: readonly number[],
      { sessionId, tenant, maxTokens = 40 }: Pick<GenerateOptions, 'sessionId' | 'tenant' | 'maxTokens'> = {},
    ) => {
      const {
        tokens: answer,
        logprobs,
        usage,
      } = await model.generate({ ...request(prompt), sessionId, tenant, maxTokens }).result();
      return {
        answer: [...answer],
        logprobs: logprobs?.map(({ logprob, top }) => [logprob, ...top.map((one) => one.logprob)]),
        cached: usage.cachedTokens,
      };
    };
    type Answer = Omit<Awaited<ReturnType<typeof ask>>, 'cached'>;
    const same = ({ answer, logprobs }: Answer): Answer => ({ answer, logprobs });
    let cold: Answer[] = [];

    const withModel = (more: LoadOptions, use: (model: LanguageModel) => Promise<void>): Promise<void> =>
      withGoldenModel([folder, file], { ...options, ...more }, use);

    beforeAll(() =>
      withModel({ prefixCache: false }, async (model) => {
        cold = [];
        for (const prompt of prompts) cold.push(same(await ask(model, prompt)));
      }),
    );

    it('with the cache cold, warm, on the next turn, and after eviction', async () => {
      await withModel({}, async (model) => {
        expect(model.info.windowed !== undefined).toBe(kind === 'windowed');
        for (const [i, prompt] of prompts.entries()) expect(same(await ask(model, prompt))).toEqual(cold[i]);
        for (const [i, prompt] of prompts.entries()) {
          const warm = await ask(model, prompt);
          expect(same(warm)).toEqual(cold[i]);
          expect(warm.cached).toBe(prompt.length - 1);
        }
        const turn = [...prompts[0], ...cold[0].answer, ...tokens(8, 9)];
        const next = await ask(model, turn);
        expect(next.cached).toBe(prompts[0].length + cold[0].answer.length - 1);
        for (let i = 0; i < 16; i++) await ask(model, tokens(100, 20 + i));
        expect(model.statistics().cache.evictedPages).toBeGreaterThan(0);
        for (const [i, prompt] of prompts.entries()) expect(same(await ask(model, prompt))).toEqual(cold[i]);
        expect(same(await ask(model, turn))).toEqual(same(next));
        await withModel({ prefixCache: false }, async (without) =>
          expect(same(next)).toEqual(same(await ask(without, turn))),
        );
      });
    });

    it('after a prefix that all tenants share', async () => {
      await withModel({ sharedPrefixes: [{ tokens: shared }] }, async (model) => {
        for (const tenant of ['x', 'y']) {
          const [turn, other] = [await ask(model, prompts[1], { tenant }), await ask(model, prompts[2], { tenant })];
          expect([same(turn), same(other)]).toEqual([cold[1], cold[2]]);
          expect(turn.cached).toBe(shared.length);
        }
      });
    });

    it('among eight, forked, and preempted for want of pages', async () => {
      await withModel({ kvTokens: 256, windowPageCount: 8 }, async (model) => {
        expect(model.info.windowed?.pageCount).toBe(kind === 'windowed' ? 8 : undefined);
        let preempted = 0;
        model.on(({ kind: event }) => void (event === 'request_preempted' && preempted++));
        for (let round = 0; round < 2; round++)
          expect((await Promise.all(prompts.map((prompt) => ask(model, prompt)))).map(same)).toEqual(cold);
        // Three that begin in a page each and end in seven, of sixteen.
        const long = [7, 8, 9].map((seed) => tokens(16, seed));
        const together = await Promise.all(long.map((prompt) => ask(model, prompt, { maxTokens: 96 })));
        expect(preempted).toBeGreaterThan(0);
        for (const [i, prompt] of long.entries())
          expect(same(await ask(model, prompt, { maxTokens: 96 }))).toEqual(same(together[i]));
        const { samples } = await model.generate({ ...request(prompts[1]), n: 3 }).result();
        for (const sample of samples) expect([...sample.tokens]).toEqual(cold[1].answer);
      });
    });

    if (kind === 'windowed') {
      it('with few pages for windowed layers, of which a long answer holds no more than its window', async () => {
        await withModel({ windowPageCount: 6, contextLength: 400 }, async (model) => {
          for (let round = 0; round < 2; round++)
            for (const [i, prompt] of prompts.entries()) expect(same(await ask(model, prompt))).toEqual(cold[i]);
          expect(model.statistics().cache.missTokens.window).toBeGreaterThan(0);
          let most = 0;
          for await (const part of model.generate({ ...request(shared), maxTokens: 350 })) {
            const { kvOfWindows: windows } = model.statistics();
            if (part.kind === 'token') most = Math.max(most, windows!.pageCount - windows!.freePages);
          }
          // A window of 12 in pages of 16 tokens, and the page that is written next.
          expect(most).toBeGreaterThan(0);
          expect(most).toBeLessThanOrEqual(3);
          expect(model.statistics().kv.cachedPages).toBeGreaterThanOrEqual(24);
          // A text of more tokens than those pages hold is embedded as in one step.
          const text = tokens(300, 5);
          expect(text.length).toBeGreaterThan(model.info.windowed!.pageCount * model.info.pageTokens);
          const { vectors } = await model.embed([text], { normalize: false });
          await withModel({ maxBatchTokens: 320, windowPageCount: 40, contextLength: 400 }, async (large) => {
            expect(large.info.maxBatchTokens).toBe(320);
            expect((await large.embed([text], { normalize: false })).vectors).toEqual(vectors);
          });
        });
      });
    }

    it('as a session that is forked and rewound, after spilling, and after a restart', async () => {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-same-'));
      const store = () => DiskSpillStore.open({ folder, limitBytes: 1e9 });
      const [first, second] = [tokens(9, 8), tokens(7, 9)];
      let turns: Answer[] = [];
      await withModel({ prefixCache: false }, async (model) => {
        const texts = [
          [...shared],
          [...shared, ...cold[0].answer, ...first],
          [...shared, ...cold[0].answer.slice(0, 11), ...second],
        ];
        turns = [];
        for (const text of texts) turns.push(same(await ask(model, text)));
      });
      try {
        await withModel({ spillStore: await store() }, async (model) => {
          const sessions = model.sessionsOf();
          expect(same(await ask(model, shared, { sessionId: 'a' }))).toEqual(turns[0]);
          sessions.fork('a', { as: 'b' });
          expect(same(await ask(model, first, { sessionId: 'a' }))).toEqual(turns[1]);
          sessions.rewind('b', shared.length + 11);
          expect(same(await ask(model, second, { sessionId: 'b' }))).toEqual(turns[2]);
          // All of it goes for want of room, and comes back.
          for (let i = 0; i < 24; i++) await ask(model, tokens(100, 30 + i));
          expect(model.statistics().cache.evictedPages).toBeGreaterThan(0);
          sessions.rewind('a', shared.length + cold[0].answer.length);
          const back = await ask(model, first, { sessionId: 'a' });
          expect(same(back)).toEqual(turns[1]);
          expect(back.cached).toBeGreaterThan(shared.length);
          sessions.rewind('a', shared.length + cold[0].answer.length);
        });
        await withModel({ spillStore: await store() }, async (model) => {
          const [again] = await Promise.all([
            ask(model, first, { sessionId: 'a' }),
            ...prompts.slice(0, 6).map((prompt) => ask(model, prompt)),
          ]);
          expect(same(again)).toEqual(turns[1]);
          expect(again.cached).toBeGreaterThan(shared.length);
        });
      } finally {
        fs.rmSync(folder, { recursive: true });
      }
    });
  });
}

/** These are talked with for ten turns, the others for three. */
const TALKATIVE = ['GLM-4.7-Flash', 'LFM2.5-8B-A1B', 'Qwen3-Coder', 'deepseek-ai-DeepSeek-R1-Distill-Qwen-32B'];

describeWithFixtures('a chat that uses tools, by a client that drops reasoning', () => {
  const names = fs
    .readdirSync(fixturePath('templates'))
    .flatMap((file) => (file.endsWith('.jinja') ? [file.slice(0, -'.jinja'.length)] : []));

  it.each(names)('has at least 95 % of each prompt computed from the second turn on: %s', async (name) => {
    const isLong = TALKATIVE.includes(name) || process.env.STARLING_PROPERTY_RUNS !== undefined;
    const told = await toolChat(readFixture('templates', `${name}.jinja`).toString('utf8'), isLong ? 10 : 3);
    const poor = told.filter(({ turn, usage }) => turn > 1 && usage.cachedTokens < 0.95 * usage.promptTokens);
    expect(poor).toEqual([]);
  });
});
