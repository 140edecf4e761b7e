import type { GenerateRequest } from '../generate-types.js';
import { scriptedModel } from './scripted-model.js';

const tools = [
  {
    type: 'function' as const,
    function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
  },
];
const ask = (text: string): GenerateRequest => ({ messages: [{ role: 'user', content: text }] });

describe('a scripted model', () => {
  it('says its answers in the order of the script, whatever characters they have', async () => {
    const script = ['Hello!', '', 'a "quoted" \\ line\nand\u0001 Zürich 🎉'];
    const model = scriptedModel({ script });
    for (const text of script)
      expect(await model.generate(ask('Hi')).result()).toMatchObject({ text, finishReason: 'stop' });
    expect(() => model.generate(ask('Hi'))).toThrow(
      expect.objectContaining({
        code: 'invalid_request',
        message: expect.stringContaining('the script is over: it has 3 answers, and this is request 4'),
      }),
    );
    await model.close();
  });

  it('keeps to limits, stop texts and the number of samples as any model does, and to no grammar but its own', async () => {
    const model = scriptedModel({ script: () => 'one two three' });
    expect(await model.generate({ ...ask('Hi'), maxTokens: 5 }).result()).toMatchObject({
      text: 'one t',
      finishReason: 'length',
      usage: { completionTokens: 5 },
    });
    expect(await model.generate({ ...ask('Hi'), stop: [' three'] }).result()).toMatchObject({
      text: 'one two',
      stopSequence: ' three',
    });
    expect(
      (
        await model.generate({ ...ask('Hi'), n: 2, jsonSchema: { type: 'number' }, logitBias: [[111, false]] }).result()
      ).samples.map(({ text }) => text),
    ).toEqual(['one two three', 'one two three']);
    await model.close();
  });

  it('answers with reasoning and calls of tools that the model’s own reader finds', async () => {
    const answer = {
      reasoning: 'I need the weather.',
      content: 'One moment.',
      toolCalls: [{ name: 'weather', arguments: { city: 'Oslo' } }],
    };
    const model = scriptedModel({ script: [answer, answer] });
    const { text } = await model.generate({ ...ask('Weather in Oslo?'), tools }).result();
    expect(model.answerParser.parse(text, { tools })).toMatchObject({
      reasoning_content: 'I need the weather.',
      content: 'One moment.',
      tool_calls: [{ function: { name: 'weather', arguments: '{"city":"Oslo"}' } }],
    });
    expect(() => model.generate(ask('Weather?'))).toThrow(
      /answer 1 calls weather, which is none of the request's tools/,
    );
    await model.close();
  });

  it('refuses with the errors of its script, and shows what it was asked', async () => {
    const asked: GenerateRequest[] = [];
    const model = scriptedModel({
      script: ({ messages }, index) =>
        index === 0
          ? { error: 'queue_full', message: 'come back later' }
          : `you said ${String(messages?.at(-1)?.content)}`,
      onRequest: (request) => void asked.push(request),
    });
    expect(() => model.generate(ask('Hi'))).toThrow(
      expect.objectContaining({ code: 'queue_full', message: 'come back later' }),
    );
    expect((await model.generate(ask('Bye')).result()).text).toBe('you said Bye');
    expect(asked.map(({ messages }) => messages?.[0].content)).toEqual(['Hi', 'Bye']);
    await model.close();
  });
});
