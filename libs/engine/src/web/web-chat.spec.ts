import type { LanguageModel } from '../language-model.js';
import { scriptedModel } from '../testing/scripted-model.js';
import type { Script } from '../testing/scripted-model.js';
import { EngineHost } from './engine-host.js';
import type { FromWorker, ToWorker } from './messages.js';
import { webLoader } from './web-model.js';

/** A worker in this thread whose model says what it is told to; messages are copied as they are on their way to another. */
function workerSaying(script: Script): { readonly worker: Worker; readonly model: LanguageModel } {
  const model = scriptedModel({ script });
  let hear: (event: { readonly data: FromWorker }) => void = () => undefined;
  const host = new EngineHost(
    (data) => void queueMicrotask(() => hear({ data: structuredClone(data) })),
    () => Promise.resolve(model),
  );
  const worker = {
    addEventListener: (type: string, listener: typeof hear) => void (type === 'message' && (hear = listener)),
    postMessage: (message: ToWorker) => {
      const copy = structuredClone(message);
      queueMicrotask(() => host.take(copy));
    },
    terminate: () => undefined,
  };
  return { worker: worker as unknown as Worker, model };
}

const weather = {
  type: 'function',
  function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
} as const;
const messages = [{ role: 'user', content: 'How is the weather in Oslo?' }];

async function loaded(script: Script) {
  const { worker } = workerSaying(script);
  return webLoader(() => worker)(new Blob(['x']));
}

describe('a conversation that is answered in a worker', () => {
  it('comes as reasoning, content and calls, each apart', async () => {
    const model = await loaded([
      {
        reasoning: 'I need to look.',
        content: 'A moment.',
        toolCalls: [{ name: 'weather', arguments: { city: 'Oslo' } }],
      },
    ]);
    const answer = model.answerChat({ messages, tools: [weather], progress: true });
    const said = { reasoning: '', content: '', arguments: '' };
    const names: string[] = [];
    const kinds = new Set<string>();
    for await (const part of answer) {
      kinds.add(part.kind);
      if (part.kind !== 'deltas') continue;
      for (const delta of part.deltas) {
        if (delta.kind === 'call') names.push(delta.name);
        else said[delta.kind] += delta.text;
      }
    }
    expect(said).toEqual({ reasoning: 'I need to look.', content: 'A moment.', arguments: '{"city":"Oslo"}' });
    expect([names, [...kinds]]).toEqual([['weather'], ['prompt', 'deltas', 'sample', 'done']]);
    const { samples, done } = await answer.result();
    expect(samples).toMatchObject([{ finishReason: 'tool_calls', message: { content: 'A moment.' } }]);
    expect(done.usage.promptTokens).toBe((await answer.prompt()).tokens.length);
    await model.close();
  });

  it('is refused in the loop and in the result, and ended by a signal', async () => {
    const model = await loaded((_, index) => (index === 0 ? { error: 'queue_full' } : 'word '.repeat(5_000)));
    const refused = model.answerChat({ messages });
    await expect(refused.result()).rejects.toMatchObject({ code: 'queue_full' });
    await expect(refused.prompt()).rejects.toMatchObject({ code: 'queue_full' });
    const leaving = new AbortController();
    const left = model.answerChat({ messages, signal: leaving.signal });
    for await (const part of left) if (part.kind === 'deltas') leaving.abort();
    expect((await left.result()).done.stopReason.kind).toBe('cancelled');
    await expect(model.answerChat({ messages, signal: leaving.signal }).result()).rejects.toMatchObject({
      code: 'cancelled',
    });
    await model.close();
  });
});
