import type { AnswerMessage, ChatMessage, ToolDefinition } from '@starling/chat';
import type { Tokenizer } from '@starling/tokenizer';
import { chatTemplateFor } from '../src/chat-template.js';
import type { Usage } from '../src/generate-types.js';
import type { LanguageModel } from '../src/language-model.js';
import { EOS, byteTokenizer } from '../src/testing/byte-tokenizer.js';
import { fakeModel } from './fake-model.js';

const tool = (name: string, description: string): ToolDefinition => ({
  type: 'function',
  function: {
    name,
    description,
    parameters: { type: 'object', properties: { path: { type: 'string', description: 'Where.' } }, required: ['path'] },
  },
});
export const TOOLS = [
  tool('read_file', 'Reads a file. '.repeat(10)),
  tool('list_files', 'Lists the files of a folder. '.repeat(10)),
];
const SYSTEM = 'You are a careful assistant that works on a project of many files. '.repeat(40);

const VOCABULARY = 4096;

/** A tokenizer that gives every word, digit and other character an id of its own when it first comes. */
function wordTokenizer(): Tokenizer {
  const bytes = byteTokenizer();
  const ids = new Map<string, number>();
  const words: string[] = [];
  const idOf = (word: string): number => {
    let id = ids.get(word);
    if (id === undefined) {
      id = bytes.vocabSize + words.length;
      ids.set(word, id);
      words.push(word);
    }
    return id;
  };
  const encode: Tokenizer['encode'] = (text) => Uint32Array.from(text.match(/[A-Za-z]+|[^A-Za-z]/gu) ?? [], idOf);
  const textOf = (id: number): string => words[id - bytes.vocabSize] ?? '';
  const decode: Tokenizer['decode'] = (tokens) => Array.from(tokens, textOf).join('');
  return {
    ...bytes,
    vocabSize: VOCABULARY,
    encode,
    decode,
    createDecoder: () => ({ push: textOf, flush: () => '' }),
    tokenBytes: (id) => new TextEncoder().encode(textOf(id)),
    tokenText: (id) => (id < bytes.vocabSize ? bytes.tokenText(id) : textOf(id)),
  };
}

/** What one request of a chat came to. */
export interface ToldUsage {
  readonly turn: number;
  readonly usage: Usage;
}

/** The text that a model of this template would write for a message. */
function writtenAs(
  model: LanguageModel,
  before: readonly ChatMessage[],
  message: ChatMessage,
  tools: readonly ToolDefinition[] | undefined,
): string {
  const base = model.applyTemplate(before, { tools });
  const whole = (one: ChatMessage): string =>
    model.applyTemplate([...before, one], { tools, addGenerationPrompt: false });
  const all = whole(message);
  let common = 0;
  while (common < base.length && base[common] === all[common]) common++;
  const mark = 'zzEND';
  const ending = whole({ role: 'assistant', content: mark });
  const end = ending.slice(ending.lastIndexOf(mark) + mark.length);
  const rest = all.slice(common, end !== '' && all.endsWith(end) ? all.length - end.length : undefined);
  const { reasoning } = model.answerParser.format;
  const thought = message.reasoning_content ?? '';
  if (reasoning === undefined || all.slice(common).includes(thought)) return rest;
  const begun = base.slice(base.lastIndexOf(reasoning.start.trim()));
  return `${begun.startsWith(reasoning.start.trim()) && !begun.includes(reasoning.end.trim()) ? '' : reasoning.start}${thought}${reasoning.end}${rest}`;
}

/** A chat of `turns` turns, each with a call of a tool where the template shows calls, by a client that drops reasoning. Gives the figures of every request. */
export async function toolChat(source: string, turns: number, idlePrefill = true): Promise<ToldUsage[]> {
  const tokenizer = wordTokenizer();
  let answer: Uint32Array = new Uint32Array();
  let start = 0;
  const { model } = fakeModel({
    chatTemplate: chatTemplateFor(source, tokenizer),
    tokenizer,
    idlePrefill,
    info: { vocabSize: VOCABULARY, contextLength: 8192, pageTokens: 16, pageCount: 2048, maxBatchTokens: 512 },
    logits: (row, history) => {
      row.fill(-10);
      row[answer[history.length - start] ?? EOS] = 10;
    },
  });
  const told: ToldUsage[] = [];
  const { readsCalls } = model.answerParser;
  const tools = readsCalls ? TOOLS : undefined;
  const sent: ChatMessage[] = [{ role: 'system', content: SYSTEM }];
  // The same with reasoning, as the model remembers it.
  const whole: ChatMessage[] = [...sent];
  const push = (message: ChatMessage): void => void (sent.push(message), whole.push(message));
  const ask = async (turn: number, message: ChatMessage): Promise<AnswerMessage> => {
    answer = tokenizer.encode(writtenAs(model, whole, message, tools));
    const generation = model.generate({ messages: [...sent], tools, temperature: 0, maxTokens: 2000 });
    start = generation.promptTokens.length;
    const { text, usage } = await generation.result();
    told.push({ turn, usage });
    const read = model.answerParser.parse(text, { tools, prompt: generation.promptText });
    whole.push(read);
    const { reasoning_content: _dropped, ...shown } = read;
    sent.push(shown);
    // The client takes its time.
    for (let i = 0; i < 10 || model.statistics().running > 0; i++)
      await new Promise((resolve) => setImmediate(resolve));
    return read;
  };
  for (let turn = 1; turn <= turns; turn++) {
    push({ role: 'user', content: `What does file ${turn} say?` });
    if (readsCalls) {
      const call = {
        id: `call0000${turn % 10}`,
        type: 'function' as const,
        function: { name: 'read_file', arguments: JSON.stringify({ path: `file${turn}.txt` }) },
      };
      const { tool_calls: calls = [] } = await ask(turn, {
        role: 'assistant',
        content: '',
        reasoning_content: `The file ${turn} has to be read before I can say anything about it.`,
        tool_calls: [call],
      });
      for (const {
        id,
        function: { name },
      } of calls)
        push({ role: 'tool', content: `It says ${turn * 7}.`, tool_call_id: id, name });
      if (calls.length === 0) push({ role: 'user', content: `It says ${turn * 7}.` });
    }
    await ask(turn, {
      role: 'assistant',
      content: `File ${turn} says ${turn * 7}.`,
      reasoning_content: `Now I know what it says, and can tell: ${turn * 7}.`,
    });
  }
  await model.close();
  return told;
}
