import { parameterError, StarlingError } from '@starling/core';
import { answerChat, type ChatAnswer, type DonePart, type TokenLogprobs } from '@starling/engine';
import type { ServedModel } from '../../parts.js';
import { endpoint, json, lines, type Call, type Reply, type StreamEvent } from '../dialect.js';
import { canFillIn, infillTokens } from '../infill-tokens.js';
import { pickModel } from '../pick-model.js';
import { chatAnswer, generateAnswer } from './answer-schema.js';
import { isFarewell, keepAliveOf, letGo } from './keep-alive.js';
import { callsOf, doneReasonOf, figuresOf, logprobOf } from './bodies.js';
import { chatRequestOf, promptMessages, settingsOf, thinkingOf } from './request.js';
import { chatSchema, generateSchema } from './schema.js';

/** Words of one line of an answer. */
interface Words {
  readonly content?: string;
  readonly thinking?: string;
  readonly calls?: readonly object[];
  /** Of the tokens that these words are of, where asked for. */
  readonly logprobs?: readonly TokenLogprobs[];
}
type Line = (words: Words, end?: object) => object;

/** `POST /api/chat`: a conversation, answered in lines of JSON unless told otherwise. */
export const chat = endpoint({
  method: 'POST',
  paths: ['/api/chat'],
  access: 'user',
  summary: 'Answer a conversation',
  answer: chatAnswer,
  body: chatSchema,
  example: { messages: [{ role: 'user', content: 'Tell me of the starling.' }], options: { num_predict: 32 } },
  answers: 'lines',
  isQuiet: isFarewell,
  keepAlive: keepAliveOf,
  async handle(call) {
    const { body, models, server, principal } = call;
    if (isFarewell(body)) {
      letGo({ body, models, server, principal });
      return json({ ...head(body.model), message: { role: 'assistant', content: '' }, ...UNLOADED });
    }
    const model = pickModel(models, body.model);
    const line: Line = ({ content = '', thinking, calls, logprobs }, end) => ({
      ...head(body.model, model),
      message: {
        role: 'assistant',
        content,
        ...(thinking !== undefined && { thinking }),
        ...(calls !== undefined && calls.length > 0 && { tool_calls: calls }),
      },
      ...logprobsIn(logprobs),
      ...(end ?? { done: false }),
    });
    const { messages } = body;
    if (messages == null || messages.length === 0) return json(line({}, LOADED));
    return answered(
      call,
      line,
      await answerChat(model, await chatRequestOf(body, messages, model, crypto.randomUUID())),
    );
  },
});

/** `POST /api/generate`: a prompt, answered or continued. */
export const generate = endpoint({
  method: 'POST',
  paths: ['/api/generate'],
  access: 'user',
  summary: 'Answer a prompt, or continue it as it stands',
  answer: generateAnswer,
  body: generateSchema,
  example: { prompt: 'Once upon a time', options: { num_predict: 32 } },
  answers: 'lines',
  isQuiet: isFarewell,
  keepAlive: keepAliveOf,
  async handle(call) {
    const { body, models, server, principal } = call;
    refuseUnavailable(body);
    if (isFarewell(body)) {
      letGo({ body, models, server, principal });
      return json({ ...head(body.model), response: '', ...UNLOADED });
    }
    const model = pickModel(models, body.model);
    const line: Line = ({ content = '', thinking, logprobs }, end) => ({
      ...head(body.model, model),
      response: content,
      ...(thinking !== undefined && { thinking }),
      ...logprobsIn(logprobs),
      ...(end ?? { done: false }),
    });
    if (body.prompt == null || body.prompt === '') return json(line({}, LOADED));
    const settings = settingsOf(body, crypto.randomUUID());
    const answer =
      body.suffix != null && body.suffix !== ''
        ? await rawAnswer(model, {
            ...settings,
            tokens: await insertTokens(body.prompt, body.suffix, settings.maxTokens, model),
          })
        : body.raw === true
          ? await rawAnswer(model, { ...settings, prompt: body.prompt })
          : await answerChat(model, {
              ...settings,
              messages: promptMessages(body),
              templateVariables: thinkingOf(body.think, model),
            });
    return answered(call, line, answer);
  },
});

/** An empty request only sees to it that the model is there, or lets it go. */
const LOADED = { done: true, done_reason: 'load' };
const UNLOADED = { done: true, done_reason: 'unload' };

function head(name: string | null | undefined, model?: ServedModel): object {
  return { model: name ?? model?.info.name ?? '', created_at: new Date().toISOString() };
}

const logprobsIn = (logprobs: readonly TokenLogprobs[] | undefined): object =>
  logprobs === undefined || logprobs.length === 0 ? {} : { logprobs: logprobs.map(logprobOf) };

/** @throws StarlingError invalid_request for fields that cannot be honoured, by name */
function refuseUnavailable(body: Readonly<Record<string, unknown>>): void {
  for (const name of ['template', 'context']) {
    const value = body[name];
    if (value == null || value === '' || (Array.isArray(value) && value.length === 0)) continue;
    throw parameterError('invalid_request', name, 'is not supported: leave it out, or use /api/chat');
  }
}

/** @throws StarlingError invalid_request where the model cannot fill in */
async function insertTokens(
  prompt: string,
  suffix: string,
  limit: number | undefined,
  model: ServedModel,
): Promise<number[]> {
  if (!canFillIn(model.tokenizer))
    throw new StarlingError('invalid_request', `"${model.info.name}" does not support insert: leave suffix out`, {
      details: { param: 'suffix' },
    });
  return infillTokens({ input_prefix: prompt, input_suffix: suffix, n_predict: limit ?? -1 }, model);
}

/** A text that is continued as it is: all of the answer is content. */
async function rawAnswer(model: ServedModel, request: Parameters<ServedModel['generate']>[0]): Promise<ChatAnswer> {
  const generation = await model.generate(request);
  return {
    generation,
    async *parts() {
      for await (const part of generation) {
        if (part.kind === 'token' && (part.text !== '' || part.logprobs))
          yield {
            kind: 'deltas',
            sample: part.sample,
            deltas: part.text === '' ? [] : [{ kind: 'content', text: part.text }],
            logprobs: part.logprobs,
          };
        else if (part.kind === 'sample')
          yield {
            kind: 'sample',
            sample: part.sample,
            result: part,
            message: { role: 'assistant', content: part.text },
            reasoningTokens: 0,
            finishReason: part.finishReason,
            warnings: [],
          };
        else if (part.kind === 'done') yield { kind: 'done', done: part };
      }
    },
  };
}

/** An answer as lines of JSON, or as one body. */
async function answered(
  call: Call<{ readonly stream?: boolean | null }>,
  line: Line,
  answer: ChatAnswer,
): Promise<Reply> {
  if (call.body.stream !== false) return lines(linesOf(call, answer, line));
  const said = { content: '', thinking: '' };
  let calls: object[] = [];
  const logprobs: TokenLogprobs[] = [];
  let reason: 'stop' | 'length' = 'stop';
  let done: DonePart | undefined;
  for await (const part of answer.parts()) {
    if (part.kind === 'deltas') {
      if (part.logprobs) logprobs.push(part.logprobs);
      for (const delta of part.deltas) {
        if (delta.kind === 'content') said.content += delta.text;
        else if (delta.kind === 'reasoning') said.thinking += delta.text;
      }
    } else if (part.kind === 'sample') {
      calls = callsOf(part.message);
      reason = doneReasonOf(part.finishReason);
    } else if (part.kind === 'done') done = part.done;
  }
  const words = { content: said.content, calls, logprobs, ...(said.thinking !== '' && { thinking: said.thinking }) };
  return json(line(words, { done: true, done_reason: reason, ...(done && figuresOf(done, call)) }));
}

async function* linesOf(call: Call<unknown>, answer: ChatAnswer, line: Line): AsyncGenerator<StreamEvent> {
  let reason: 'stop' | 'length' = 'stop';
  for await (const part of answer.parts()) {
    if (part.kind === 'deltas') {
      let logprobs = part.logprobs && [part.logprobs];
      for (const delta of part.deltas) {
        if (delta.kind !== 'content' && delta.kind !== 'reasoning') continue;
        yield { data: line({ [delta.kind === 'content' ? 'content' : 'thinking']: delta.text, logprobs }) };
        logprobs = undefined;
      }
      // A token that shows no text, or only the inside of a call, has its probability all the same.
      if (logprobs) yield { data: line({ logprobs }) };
    } else if (part.kind === 'sample') {
      reason = doneReasonOf(part.finishReason);
      const calls = callsOf(part.message);
      // Calls come whole.
      if (calls.length > 0) yield { data: line({ calls }) };
    } else if (part.kind === 'done')
      yield { data: line({}, { done: true, done_reason: reason, ...figuresOf(part.done, call) }) };
  }
}
