import { Template } from '@huggingface/jinja';
import { StarlingError, messageOf } from '@starling/core';
import { literalMarker, splitAtMarks, type PromptSegment } from './literal-text.js';
import type { ChatMessage, ToolDefinition } from './messages.js';

/** What a model without a template of its own is served with: ChatML. */
export const CHATML_TEMPLATE =
  "{%- for message in messages -%}{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' -}}{%- endfor -%}" +
  "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}";

/** Longer templates are refused before they are parsed; the longest in use have some 20,000 characters. */
export const MAX_TEMPLATE_CHARACTERS = 200_000;

export interface RenderOptions {
  readonly tools?: readonly ToolDefinition[];
  /** Whether the prompt ends where the assistant's answer begins. Default true. */
  readonly addGenerationPrompt?: boolean;
  /** Further variables of the template, for example `enable_thinking`. They do not replace the ones above. */
  readonly variables?: Readonly<Record<string, unknown>>;
}

export interface TemplateOptions {
  /** Text of the tokens that templates write as `bos_token` and `eos_token`. Default: empty. */
  readonly bosToken?: string;
  readonly eosToken?: string;
  /** Texts of all control tokens: where a message holds one it stays literal text, see ChatPrompt.segments. */
  readonly controlTexts?: Iterable<string>;
}

/** A rendered conversation. */
export interface ChatPrompt {
  readonly text: string;
  /** The same text in stretches: control tokens are recognised in those that are not literal. */
  readonly segments: readonly PromptSegment[];
}

/** A conversation's way to prompt text, as a model's file defines it in Jinja. */
export interface ChatTemplate {
  /** The template's own text. */
  readonly source: string;
  /** @throws StarlingError invalid_template if the template fails on these messages or refuses them (`raise_exception`) */
  render(messages: readonly ChatMessage[], options?: RenderOptions): ChatPrompt;
}

/**
 * Compiles a Jinja chat template, once for all conversations.
 * @throws StarlingError invalid_template if it cannot be parsed
 */
export function compileTemplate(source: string, options: TemplateOptions = {}): ChatTemplate {
  const { bosToken = '', eosToken = '', controlTexts = [] } = options;
  const template = parse(source);
  const mark = literalMarker(controlTexts);

  return {
    source,
    render(messages, { tools, addGenerationPrompt = true, variables = {} } = {}) {
      const context = {
        ...markFields(variables, mark),
        messages: messages.map((message) => templateMessage(message, mark)),
        ...(tools && tools.length > 0 ? { tools: markStrings(tools, mark) } : {}),
        add_generation_prompt: addGenerationPrompt,
        bos_token: bosToken,
        eos_token: eosToken,
      };
      const segments = splitAtMarks(renderWith(template, context));
      return { text: segments.map((segment) => segment.text).join(''), segments };
    },
  };
}

function parse(source: string): Template {
  if (source.length > MAX_TEMPLATE_CHARACTERS) {
    throw new StarlingError('invalid_template', `chat template: ${source.length} characters, at most ${MAX_TEMPLATE_CHARACTERS} are accepted`);
  }
  try {
    return new Template(source);
  } catch (cause) {
    throw new StarlingError('invalid_template', `chat template: it cannot be parsed: ${messageOf(cause)}`, { cause });
  }
}

function renderWith(template: Template, context: Record<string, unknown>): string {
  try {
    return template.render(context);
  } catch (cause) {
    throw new StarlingError('invalid_template', `chat template: it fails on these messages, or refuses them: ${messageOf(cause)}`, { cause });
  }
}

/** A message as templates expect it: content is one string, arguments of tool calls are objects. */
function templateMessage(message: ChatMessage, mark: (text: string) => string): Record<string, unknown> {
  const { content, tool_calls: calls, ...rest } = message;
  const text = typeof content === 'string' ? content : (content ?? []).map((part) => part.text).join('');
  const toolCalls = calls?.map((call) => ({ ...call, function: { ...call.function, arguments: argumentsOf(call.function.arguments) } }));
  return markFields({ ...rest, content: text, ...(toolCalls && { tool_calls: toolCalls }) }, mark);
}

function argumentsOf(value: string | Readonly<Record<string, unknown>>): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}

/** The same JSON value with every string in it marked, names of fields included. Fields that are undefined are left out, as JSON does. */
function markStrings(value: unknown, mark: (text: string) => string): unknown {
  if (typeof value === 'string') return mark(value);
  if (Array.isArray(value)) return value.map((item) => markStrings(item, mark));
  if (typeof value === 'object' && value !== null) return markFields(value, mark);
  return value;
}

function markFields(object: object, mark: (text: string) => string): Record<string, unknown> {
  const fields = Object.entries(object).filter(([, item]) => item !== undefined);
  return Object.fromEntries(fields.map(([key, item]) => [mark(key), markStrings(item, mark)]));
}
