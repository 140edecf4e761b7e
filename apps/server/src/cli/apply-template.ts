import fs from 'node:fs';
import {
  compileTemplate,
  deriveAnswerParser,
  type ChatMessage,
  type ChatTemplate,
  type ToolDefinition,
} from '@starling/chat';
import { messageOf, StarlingError } from '@starling/core';
import { openGgufFile } from '@starling/gguf/node';
import { parseJson, type WallTime } from '@starling/jinja';
import { tokenizerFromGguf } from '@starling/tokenizer';
import type { Command } from 'commander';
import type { CliIo } from './io.js';
import { locateModel } from './locate-model.js';
import { mapLines } from './map-lines.js';
import { usageError } from './program.js';

interface TemplateOptions {
  readonly model?: string;
  readonly template?: string;
  readonly bos?: string;
  readonly eos?: string;
  readonly now?: string;
}

interface ConversationLine {
  readonly messages: readonly ChatMessage[];
  readonly tools?: readonly ToolDefinition[];
  readonly add_generation_prompt?: boolean;
  readonly variables?: Readonly<Record<string, unknown>>;
}

interface AnswerLine extends Partial<ConversationLine> {
  readonly text: string;
  readonly tools: readonly ToolDefinition[];
  readonly partial: boolean;
}

/** `starling apply-template` and `starling parse-answer`. */
export function registerApplyTemplate(program: Command, io: CliIo): void {
  const withOptions = (command: Command): Command =>
    command
      .option('-m, --model <MODEL>', 'a GGUF file with a chat template')
      .option('--template <FILE>', 'a file with a Jinja chat template')
      .option('--bos <TEXT>', 'text of the token that a sequence begins with')
      .option('--eos <TEXT>', 'text of the token that ends one')
      .option('--now <ISO>', 'local time that the template sees, as 2026-01-31T12:00:00');
  withOptions(program.command('apply-template'))
    .description(
      'turn each line of stdin, {"messages", "tools"?, "add_generation_prompt"?, "variables"?}, into {"text"} or {"error"}',
    )
    .action(async (options: TemplateOptions) => {
      const template = await templateOf(options, io);
      await mapLines(io, (line) => answered(() => ({ text: rendered(template, conversationOf(line)) })));
    });
  withOptions(program.command('parse-answer'))
    .description('turn each line of stdin, {"text", "messages"?, "tools"?, "partial"?}, into {"message"} or {"error"}')
    .action(async (options: TemplateOptions) => {
      const template = await templateOf(options, io);
      const parser = deriveAnswerParser(template);
      await mapLines(io, (line) =>
        answered(() => {
          const { text, messages, tools, partial, variables } = answerOf(line);
          const prompt = messages === undefined ? '' : rendered(template, { messages, tools, variables });
          const reader = parser.reader({ tools, prompt });
          reader.push(text);
          if (!partial) reader.end();
          return {
            message: reader.message,
            ...(reader.isCut && { cut: true }),
            ...(reader.hasMissedCall && { missed_call: true }),
          };
        }),
      );
    });
}

/** Nothing stops at a line that is wrong: it says so in its place. */
function answered(answer: () => object): string {
  try {
    return JSON.stringify(answer());
  } catch (error) {
    // Whatever it is, the lines that follow may be right.
    return JSON.stringify({ error: messageOf(error) });
  }
}

function rendered(
  template: ChatTemplate,
  { messages, tools, add_generation_prompt: addGenerationPrompt, variables }: ConversationLine,
): string {
  return template.render(messages, {
    tools: tools ?? undefined,
    addGenerationPrompt: addGenerationPrompt ?? true,
    variables: variables ?? undefined,
  }).text;
}

function conversationOf(line: string): ConversationLine {
  const { messages, ...more } = objectOf(parseJson(line), '{"messages": [...]}');
  checkMore(more);
  return { ...more, messages: checkedObjects(messages, 'messages') as readonly unknown[] as readonly ChatMessage[] };
}

function answerOf(line: string): AnswerLine {
  const { text, messages, ...more } = objectOf(JSON.parse(line), '{"text": "..."}');
  if (typeof text !== 'string') throw expected('{"text": "..."}', 'text');
  checkMore(more);
  const tools = given(more.tools) ? (more.tools as readonly ToolDefinition[]) : [];
  if (!tools.every((tool) => typeof (tool as Partial<ToolDefinition>).function?.name === 'string'))
    throw expected('tools with {"function": {"name": "..."}}', 'tools');
  return {
    ...more,
    tools,
    text,
    partial: more.partial === true,
    messages: given(messages)
      ? (checkedObjects(messages, 'messages') as readonly unknown[] as readonly ChatMessage[])
      : undefined,
  };
}

const given = (value: unknown): boolean => value !== undefined && value !== null;

function expected(what: string, param: string): StarlingError {
  return new StarlingError('invalid_request', `expected ${what}`, { details: { param } });
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function objectOf(value: unknown, what: string): Record<string, unknown> {
  if (!isObject(value)) throw expected(what, 'line');
  return value;
}

function checkedObjects(value: unknown, param: string): readonly Record<string, unknown>[] {
  if (!Array.isArray(value) || !value.every(isObject)) throw expected(`a list of objects as "${param}"`, param);
  return value;
}

function checkMore({ tools, variables }: Readonly<Record<string, unknown>>): void {
  if (given(tools)) checkedObjects(tools, 'tools');
  if (given(variables) && !isObject(variables)) throw expected('an object as "variables"', 'variables');
}

async function templateOf({ model, template, bos, eos, now }: TemplateOptions, io: CliIo): Promise<ChatTemplate> {
  if ((model === undefined) === (template === undefined)) throw usageError('give one of --model and --template');
  const clock = now === undefined ? undefined : wallTime(now);
  const found =
    template === undefined ? await fromModel(model ?? '', io) : { source: read(template), bosToken: '', eosToken: '' };
  return compileTemplate(found.source, {
    bosToken: bos ?? found.bosToken,
    eosToken: eos ?? found.eosToken,
    ...(clock && { now: () => clock }),
  });
}

async function fromModel(
  model: string,
  io: CliIo,
): Promise<{ readonly source: string; readonly bosToken: string; readonly eosToken: string }> {
  const { path } = await locateModel(model, io, { verify: false });
  const file = await openGgufFile(path);
  try {
    const source = file.metadata.get('tokenizer.chat_template');
    if (typeof source !== 'string')
      throw new StarlingError('invalid_request', `${path} has no chat template: give one with --template`, {
        details: { file: path },
      });
    const { special, ...tokenizer } = textsOf(file.metadata);
    const text = (id: number | undefined): string => (id === undefined ? '' : tokenizer.textOf(id));
    return { source, bosToken: text(special.bos), eosToken: text(special.eos) };
  } finally {
    await file.close();
  }
}

function textsOf(metadata: Parameters<typeof tokenizerFromGguf>[0]): {
  readonly special: ReturnType<typeof tokenizerFromGguf>['special'];
  readonly textOf: (id: number) => string;
} {
  const tokenizer = tokenizerFromGguf(metadata);
  return { special: tokenizer.special, textOf: (id) => tokenizer.tokenText(id) };
}

function read(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    throw new StarlingError('file_not_found', `${file} cannot be read: ${messageOf(error)}`, {
      details: { file },
      cause: error,
    });
  }
}

function wallTime(text: string): WallTime {
  const match = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?)?/.exec(text);
  if (match === null)
    throw usageError(`--now: expected a time as 2026-01-31T12:00:00, received ${JSON.stringify(text)}`);
  const [year, month, day, hour = 0, minute = 0, second = 0] = match
    .slice(1)
    .map((part: string | undefined) => (part === undefined ? undefined : Number(part)));
  return { year: year ?? 1970, month: month ?? 1, day: day ?? 1, hour, minute, second };
}
