import { until } from '../../../tools/jest/until.js';
import { byteTokenizer } from './testing/byte-tokenizer.js';
import { fakeModel, saying, type FakeModelSetUp } from '../test/fake-model.js';
import { chatTemplateFor } from './chat-template.js';
import type { GenerateOptions, MessagesPrompt } from './generate-types.js';
import type { LanguageModel } from './language-model.js';

/** A template that shows reasoning of the last answers alone: those after the last message of a user. */
const FORGETFUL = `{%- set ns = namespace(last=0) -%}{%- for m in messages -%}{%- if m.role == 'user' -%}{%- set ns.last = loop.index0 -%}{%- endif -%}{%- endfor -%}
{%- for m in messages -%}<|mark|>{{ m.role }}
{% if m.role == 'assistant' and m.reasoning_content and loop.index0 > ns.last %}<think>{{ m.reasoning_content }}</think>{% endif %}{{ m.content }}<|mark|>
{% endfor -%}{%- if add_generation_prompt -%}<|mark|>assistant
{% endif -%}`;
/** One that shows all of it. */
const FAITHFUL = FORGETFUL.replace(' and loop.index0 > ns.last', '');

const THOUGHT = 'The question is one that wants an answer of a single word, so that is what it gets.';
const CONTENT = 'Yes, and that is all that there is to say about this question.';
const ANSWER = `<think>${THOUGHT}</think>${CONTENT}`;
const user = (content: string) => ({ role: 'user', content });
const said = { role: 'assistant', content: CONTENT };
const talk = (source: string, set: FakeModelSetUp = {}) =>
  fakeModel({
    chatTemplate: chatTemplateFor(source, byteTokenizer()),
    logits: saying(ANSWER),
    ...set,
    info: { pageTokens: 4, pageCount: 512, contextLength: 2048, ...set.info },
  });
const ask = (model: LanguageModel, messages: MessagesPrompt['messages'], more: GenerateOptions = {}) =>
  model.generate({ messages, temperature: 0, maxTokens: 200, ...more }).result();
const ahead = (events: readonly { readonly kind: string }[]) => events.filter(({ kind }) => kind === 'computed_ahead');

describe('the next turn of a conversation', () => {
  it.each([false, true])(
    'is computed while nothing else runs, as far as it is known (recurrent layers: %s)',
    async (hasRecurrentState) => {
      const { model, events } = talk(FORGETFUL, { info: { hasRecurrentState } });
      const first = [user('One?')];
      await ask(model, first);
      await until(() => ahead(events).length > 0);
      expect(ahead(events)).toEqual([{ kind: 'computed_ahead', model: 'fake', tokens: expect.any(Number) }]);
      const next = await ask(model, [...first, said, user('Two?')]);
      // New are the message, its end, and the beginning of the answer.
      expect(next.usage.promptTokens - next.usage.cachedTokens).toBeLessThan('Two?\n_assistant\n__'.length + 1);
      expect(next.usage.cacheMiss?.reason).not.toBe('rewritten');
    },
  );

  it('is not, where that is not wanted; then the message is named that the template wrote anew', async () => {
    const { model, events } = talk(FORGETFUL, { idlePrefill: false });
    await ask(model, [user('One?')]);
    const next = await ask(model, [user('One?'), said, user('Two?')]);
    expect(next.usage.cacheMiss).toMatchObject({ reason: 'rewritten', message: 1 });
    const edited = await ask(model, [user('One?'), { role: 'assistant', content: 'No.' }, user('Two?')]);
    expect(edited.usage.cacheMiss).toMatchObject({ reason: 'diverged' });
    expect(ahead(events)).toEqual([]);
  });

  it('is dropped when anything arrives, and at the end', async () => {
    let hold: Promise<void> | undefined;
    const { model, events } = talk(FORGETFUL, { info: { maxBatchTokens: 16 }, onStep: () => hold });
    await ask(model, [user(`One? ${'And '.repeat(20)}`)]);
    let release = (): void => undefined;
    hold = new Promise((resolve) => (release = resolve));
    await until(() => model.statistics().internal > 0);
    expect(model.statistics()).toMatchObject({
      running: 0,
      queued: 0,
      internal: 1,
      tenants: [{ tenant: '', running: 0 }],
    });
    const other = ask(model, [user('Another?')], { tenant: 'x' });
    hold = undefined;
    release();
    expect((await other).finishReason).toBe('stop');
    expect(model.statistics().queued).toBe(0);
    await model.close();
    expect(model.statistics()).toMatchObject({ running: 0, queued: 0, internal: 0 });
    expect(ahead(events)).toEqual([]);
  });
});

describe('reasoning that a client leaves out', () => {
  const turns = [user('One?'), said, user('Two?')];

  it('is put back where it was ours, for the same caller alone', async () => {
    const { model } = talk(FAITHFUL, { idlePrefill: false });
    const first = await ask(model, [turns[0]], { tenant: 'x' });
    expect((await ask(model, turns, { tenant: 'x' })).usage.cachedTokens).toBeGreaterThanOrEqual(
      first.usage.promptTokens + first.tokens.length - 12,
    );
    const promptOf = (messages: MessagesPrompt['messages'], more: GenerateOptions) => {
      const generation = model.generate({ messages, maxTokens: 1, ...more });
      generation.cancel();
      return generation.promptText ?? '';
    };
    expect(promptOf(turns, { tenant: 'x' })).toContain(THOUGHT);
    expect(promptOf(turns, { tenant: 'y' })).not.toContain(THOUGHT);
    expect(promptOf(turns, { tenant: 'x', cacheSalt: 's' })).not.toContain(THOUGHT);
    expect(promptOf(turns, { tenant: 'x', cachePrompt: false })).not.toContain(THOUGHT);
    expect(promptOf([user('Other?'), said, user('Two?')], { tenant: 'x' })).not.toContain(THOUGHT);
    expect(promptOf([turns[0], { ...said, content: 'No.' }, turns[2]], { tenant: 'x' })).not.toContain(THOUGHT);
    expect(promptOf([turns[0], { ...said, reasoning_content: 'Mine.' }, turns[2]], { tenant: 'x' })).not.toContain(
      THOUGHT,
    );
  });
});
