import { StarlingError, type ErrorCode } from '@starling/core';
import { FakeModelRuntime } from '@starling/transformer/testing';
import { chatTemplateFor } from '../chat-template.js';
import type { GenerateRequest } from '../generate-types.js';
import { createLanguageModel, type LanguageModel } from '../language-model.js';
import { byteTokenizer } from './byte-tokenizer.js';
import { SCRIPT_TEMPLATE } from './script-template.js';

/** A call of one of the request's tools. */
export interface ScriptedToolCall {
  readonly name: string;
  /** Default: none, `{}`. */
  readonly arguments?: Readonly<Record<string, unknown>>;
}

/** An answer: its text; what it is made of; or the error that the request is refused with. */
export type ScriptedAnswer =
  | string
  | {
      readonly content?: string;
      readonly reasoning?: string;
      readonly toolCalls?: readonly ScriptedToolCall[];
      readonly error?: undefined;
    }
  | { readonly error: ErrorCode; readonly message?: string };

/** Answers in the order in which requests come, or a function that answers request `index`, from 0. */
export type Script = readonly ScriptedAnswer[] | ((request: GenerateRequest, index: number) => ScriptedAnswer);

export interface ScriptedModelOptions {
  /** What the model is called. Default `scripted`. */
  readonly name?: string;
  readonly script: Script;
  /** Tokens, each a UTF-8 byte, that prompt and answer can have together. Default 65,536. */
  readonly contextLength?: number;
  /** Told of each request before it is answered. */
  readonly onRequest?: (request: GenerateRequest) => void;
}

const PAGE_TOKENS = 256;
const CONTEXT_TOKENS = 1 << 16;

/**
 * A model that says what it is told to, byte by byte: for tests of whatever asks a model. All but the words is as with any model: templates,
 * limits of tokens, stop texts, several samples, streams, cancellation, usage. It holds itself to no grammar or schema of a request: what it is to say stands in the script.
 * Its `generate` refuses, beside what it always does: with the error of the script; with `invalid_request` once the script is over, and where it calls a tool that the request does not have.
 */
export function scriptedModel({
  name = 'scripted',
  script,
  contextLength = CONTEXT_TOKENS,
  onRequest = () => undefined,
}: ScriptedModelOptions): LanguageModel {
  const tokenizer = byteTokenizer();
  const pageCount = Math.ceil((2 * contextLength) / PAGE_TOKENS);
  const runtime = new FakeModelRuntime({
    info: {
      vocabSize: tokenizer.vocabSize,
      contextLength,
      trainedContextLength: contextLength,
      pageTokens: PAGE_TOKENS,
      pageCount,
      maxBatchTokens: 4096,
    },
    logits: (row) => void row.fill(0),
  });
  let asked = 0;
  return createLanguageModel({
    name,
    runtime,
    tokenizer,
    chatTemplate: chatTemplateFor(SCRIPT_TEMPLATE, tokenizer),
    // What is drafted hangs on the machine's speed, and nothing is gained by it here.
    speculation: false,
    idlePrefill: false,
    rewriteRequest(request) {
      onRequest(request);
      const index = asked++;
      const answer = answerOf(script, request, index);
      if (typeof answer !== 'string' && answer.error !== undefined)
        throw new StarlingError(
          answer.error,
          answer.message ?? `the script refuses request ${index} with ${answer.error}`,
        );
      const text = textOf(answer, request, index);
      return {
        ...request,
        toolCalls: undefined,
        jsonSchema: undefined,
        regex: undefined,
        frame: undefined,
        logitBias: undefined,
        bannedStrings: undefined,
        ignoreEos: undefined,
        grammar: `root ::= "${text.replace(UNSAFE, escaped)}"`,
      };
    },
  });
}

/** What cannot stand in a text of GBNF as it is. */
const UNSAFE = /[\u0000-\u001f"\\]/g;
const escaped = (character: string): string => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;

function answerOf(script: Script, request: GenerateRequest, index: number): ScriptedAnswer {
  if (typeof script === 'function') return script(request, index);
  if (index < script.length) return script[index];
  throw new StarlingError(
    'invalid_request',
    `the script is over: it has ${script.length} answers, and this is request ${index + 1}`,
    { details: { index, answers: script.length } },
  );
}

/** An answer as the template writes it. */
function textOf(
  answer: Exclude<ScriptedAnswer, { readonly error: ErrorCode }>,
  { tools = [] }: GenerateRequest,
  index: number,
): string {
  if (typeof answer === 'string') return answer;
  const { content = '', reasoning, toolCalls = [] } = answer;
  const known = new Set(tools.map((tool) => tool.function.name));
  const calls = toolCalls.map(({ name, arguments: given = {} }) => {
    if (!known.has(name))
      throw new StarlingError(
        'invalid_request',
        `the script's answer ${index} calls ${name}, which is none of the request's tools (${[...known].join(', ') || 'it has none'})`,
        { details: { index, tool: name } },
      );
    return `<tool_call>\n${JSON.stringify({ name, arguments: given })}\n</tool_call>`;
  });
  const thought = reasoning === undefined ? '' : `<think>\n${reasoning}\n</think>\n\n`;
  return thought + [...(content === '' ? [] : [content]), ...calls].join('\n');
}
