import path from 'node:path';
import { Starling } from '@starling/engine';
import { fixturesRoot, golden, hasFixtures, readJson } from '../../../tools/fixtures/fixtures.js';
import { post } from './support/client.js';
import { startServer, type RunningServer } from './support/starling-process.js';

interface Case {
  readonly config: string;
  /** In llama-server's fields. */
  readonly params: Readonly<Record<string, unknown>>;
  readonly seed: number;
  readonly prompt: string;
  /** What llama-server generated. */
  readonly tokens?: readonly number[];
}

/** One of each kind of parameter, for machines without the reference's generations: there the engine itself is what the fields are held to. */
const OWN_CASES: readonly Case[] = [
  {},
  { temperature: 1.5 },
  { top_k: 5, top_p: 1, min_p: 0 },
  { top_k: 0, top_p: 0.5, min_p: 0.2, typical_p: 0.7 },
  { top_n_sigma: 1, xtc_probability: 0.6, xtc_threshold: 0.1 },
  { repeat_penalty: 1.3, repeat_last_n: 8, presence_penalty: 0.5, frequency_penalty: 0.5 },
  { dry_multiplier: 0.8, dry_base: 1.75, dry_allowed_length: 2, dry_penalty_last_n: -1 },
  { dynatemp_range: 0.5, dynatemp_exponent: 1.2 },
  { mirostat: 2, mirostat_tau: 4, mirostat_eta: 0.2 },
  { samplers: ['temperature', 'top_k'], min_keep: 3, logit_bias: [[300, -5]], ignore_eos: true },
].map((params, i) => ({ config: JSON.stringify(params), params, seed: 40 + i, prompt: 'Once upon a time' }));

const model = hasFixtures ? path.join(fixturesRoot, 'real/stories260K-f32.gguf') : golden.demoModel;
const cases = hasFixtures
  ? readJson<{ readonly cases: readonly Case[] }>(path.join(fixturesRoot, 'real/sampling-stages.json')).cases
  : OWN_CASES;
const MAX_TOKENS = 64;

const camel = (params: Case['params']) =>
  Object.fromEntries(
    Object.entries(params).map(([name, value]) => [
      name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );

async function ofEngine(one: Case): Promise<readonly number[]> {
  const loaded = await Starling.load(model, { threads: 1, kvType: 'F32' });
  try {
    return (
      await loaded
        .generate({ ...camel(one.params), seed: one.seed, prompt: one.prompt, maxTokens: MAX_TOKENS })
        .result()
    ).tokens;
  } finally {
    await loaded.close();
  }
}

let server: RunningServer;
beforeAll(async () => {
  server = await startServer(['-m', model, '-t', '1', '-ctk', 'f32']);
});
afterAll(async () => {
  await server?.stop();
});

describe('a seeded generation by llama-server’s fields', () => {
  it.each(cases.map((one) => [`${one.config}, seed ${one.seed}: ${one.prompt}`, one] as const))(
    'is the reference’s: %s',
    async (_, one) => {
      const expected = one.tokens ?? (await ofEngine(one));
      const response = await post(`${server.url}/completion`, {
        prompt: one.prompt,
        seed: one.seed,
        n_predict: MAX_TOKENS,
        return_tokens: true,
        cache_prompt: false,
        ...one.params,
      });
      const { tokens } = (await response.json()) as { readonly tokens: readonly number[] };
      expect(tokens).toEqual(expected);
    },
  );
});
