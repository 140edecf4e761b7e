import type { DonePart, Generation } from '@starling/engine';
import type { ServedModel } from '../../parts.js';
import { endpoint, events, json, type StreamEvent } from '../dialect.js';
import { adaptersIn } from '../lora.js';
import { pickModel } from '../pick-model.js';
import { placeIn, withPlaces } from '../prompt-place.js';
import { timingsOf } from '../timings.js';
import { completionAnswer } from './answer-schema.js';
import { fingerprintOf, usageOf } from './chat-bodies.js';
import { choiceBody, completionLogprobs, lengthOf, promptTokensOf, type ScoredToken } from './completion-bodies.js';
import { completionRequestOf, promptsOf, type CompletionPrompt } from './completion-request.js';
import { completionSchema, type CompletionBody } from './completion-schema.js';

/** One prompt that is being continued. */
interface Continuation {
  readonly prompt: CompletionPrompt;
  readonly generation: Generation;
}

/** What all bodies of one answer share. */
interface Head {
  readonly id: string;
  readonly object: 'text_completion';
  readonly created: number;
  readonly model: string;
  readonly system_fingerprint: string;
}

/** `POST /v1/completions`: OpenAI's continuation of texts and of token lists, with `echo` and log-probabilities for evaluation harnesses. */
export const completions = endpoint({
  method: 'POST',
  paths: ['/v1/completions'],
  access: 'user',
  summary: 'Continue texts or token lists',
  answer: completionAnswer,
  body: completionSchema,
  example: { prompt: 'Once upon a time', max_tokens: 32 },
  answers: 'events',
  async handle({ body, models, server }) {
    const model = pickModel(models, body.model);
    const id = `cmpl-${crypto.randomUUID().replaceAll('-', '')}`;
    const prompts = promptsOf(body);
    const placeOf = placeIn('prompt', body.prompt, prompts);
    const continuations = await Promise.all(
      prompts.map((prompt, i) =>
        withPlaces(
          (token) => placeOf(token, i),
          async () => ({
            prompt,
            generation: await model.generate({
              ...(await completionRequestOf(body, model, prompt, `${id}-${i}`)),
              ...adaptersIn(model, body),
            }),
          }),
        ),
      ),
    );
    const head: Head = {
      id,
      object: 'text_completion',
      created: Math.floor(Date.now() / 1000),
      model: body.model ?? model.info.name,
      system_fingerprint: fingerprintOf(server.version),
    };
    if (body.stream === true) return events(eventsOf(body, model, continuations, head));
    const done = await Promise.all(continuations.map(({ generation }) => generation.result()));
    return json({
      ...head,
      choices: done.flatMap((one, i) => choicesOf(body, model, continuations[i], one, i)),
      usage: sumOfUsage(done),
      timings: timingsOf(done[0]),
    });
  },
});

function choicesOf(
  body: CompletionBody,
  model: ServedModel,
  { prompt, generation }: Continuation,
  done: DonePart,
  promptIndex: number,
): object[] {
  const echoed =
    body.echo === true
      ? { text: textOfPrompt(model, prompt), tokens: promptTokensOf(model.tokenizer, generation) }
      : undefined;
  return done.samples.map((sample, i) => {
    const tokens: ScoredToken[] | undefined = sample.logprobs?.map((entry) => ({ text: entry.text, entry }));
    const logprobs = tokens === undefined ? null : completionLogprobs([...(echoed?.tokens ?? []), ...tokens], 0);
    return choiceBody(
      promptIndex * done.samples.length + i,
      (echoed?.text ?? '') + sample.text,
      logprobs,
      sample.finishReason,
    );
  });
}

function textOfPrompt(model: ServedModel, prompt: CompletionPrompt): string {
  return typeof prompt === 'string' ? prompt : model.tokenizer.decode(prompt);
}

function sumOfUsage(done: readonly DonePart[]): object {
  const sum = (name: 'promptTokens' | 'cachedTokens' | 'completionTokens'): number =>
    done.reduce((total, { usage }) => total + usage[name], 0);
  return usageOf({
    ...done[0],
    usage: {
      promptTokens: sum('promptTokens'),
      cachedTokens: sum('cachedTokens'),
      completionTokens: sum('completionTokens'),
    },
  });
}

async function* eventsOf(
  body: CompletionBody,
  model: ServedModel,
  continuations: readonly Continuation[],
  head: Head,
): AsyncGenerator<StreamEvent> {
  const asksUsage = body.stream_options?.include_usage === true;
  const chunk = (choice: object): StreamEvent => ({
    data: { ...head, choices: [choice], ...(asksUsage && { usage: null }) },
  });
  const done: DonePart[] = [];
  for (const [i, continuation] of continuations.entries()) {
    const samples = body.n ?? 1;
    const offsets = new Map<number, number>();
    const hasEchoed = new Set<number>();
    for await (const part of continuation.generation) {
      if (part.kind === 'done') {
        done.push(part);
        continue;
      }
      if (part.kind === 'prompt') continue;
      const index = i * samples + part.sample;
      if (body.echo === true && !hasEchoed.has(part.sample)) {
        const text = textOfPrompt(model, continuation.prompt);
        const tokens = promptTokensOf(model.tokenizer, continuation.generation);
        hasEchoed.add(part.sample);
        offsets.set(index, tokens === undefined ? text.length : lengthOf(tokens));
        yield chunk(choiceBody(index, text, tokens === undefined ? null : completionLogprobs(tokens, 0), null));
      }
      if (part.kind === 'sample') {
        yield chunk(choiceBody(index, '', null, part.finishReason));
        continue;
      }
      if (part.text === '' && part.logprobs === undefined) continue;
      const offset = offsets.get(index) ?? 0;
      const logprobs =
        part.logprobs === undefined
          ? null
          : completionLogprobs([{ text: part.logprobs.text, entry: part.logprobs }], offset);
      offsets.set(index, offset + (part.logprobs?.text ?? part.text).length);
      yield chunk(choiceBody(index, part.text, logprobs, null));
    }
  }
  if (asksUsage) yield { data: { ...head, choices: [], usage: sumOfUsage(done) } };
  yield { data: '[DONE]' };
}
