import { StarlingError, isStarlingError } from '@starling/core';
import { Template, jsonDumps, parseJson, settle, type Rendering, type Steps, type WallTime } from '@starling/jinja';
import { segmenter, type PromptSegment } from './literal-text.js';
import { probeAbilities, type ChatDocument, type ConversationAbilities } from './fit/conversation-abilities.js';
import { fitConversation } from './fit/fit-conversation.js';
import { contentText } from './fit/tool-text.js';
import { checkMessages } from './check-messages.js';
import { contentEnd, messageSpans, type MessageSpan } from './message-spans.js';
import { probeTemplate } from './probe-template.js';
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
  /** Documents that the answer may rest on. Default: none. */
  readonly documents?: readonly ChatDocument[];
  /** The prompt ends within the last message, which the answer goes on with. Excludes `addGenerationPrompt`. Default false. */
  readonly continueFinalMessage?: boolean;
  /**
   * Brings what the template has no place for to where it has one (`fitConversation`), instead of leaving it to the template, which may
   * refuse it or leave it out. Default false: as the template's authors render it.
   */
  readonly fit?: boolean;
}

export interface TemplateOptions {
  /** Text of the tokens that templates write as `bos_token` and `eos_token`. Default: empty. */
  readonly bosToken?: string;
  readonly eosToken?: string;
  /** Texts of all control tokens: where a message holds one it stays literal text, see ChatPrompt.segments. */
  readonly controlTexts?: Iterable<string>;
  /** What `strftime_now` reads. Default: the machine's clock. */
  readonly now?: () => WallTime;
}

/** A rendered conversation. */
export interface ChatPrompt {
  readonly text: string;
  /** The same text in stretches: control tokens are recognised in those that are not literal. */
  readonly segments: readonly PromptSegment[];
  /** Where the messages stand in it (with `fit`: those that the template was given). */
  readonly spans: readonly MessageSpan[];
}

/** A conversation's way to prompt text, as a model's file defines it in Jinja. */
export interface ChatTemplate {
  /** The template's own text. */
  readonly source: string;
  /** What it can show of a conversation, found by trying at first use. */
  readonly abilities: ConversationAbilities;
  /**
   * @throws StarlingError invalid_template if the template fails on these messages or refuses them (`raise_exception`); invalid_request
   *   for messages that are none, content that is not text, documents that it would not show, and for a last message that cannot be continued
   */
  render(messages: readonly ChatMessage[], options?: RenderOptions): ChatPrompt;
  /** The same step by step, each about as long as a message takes: between them others may run. */
  renderSteps(messages: readonly ChatMessage[], options?: RenderOptions): Steps<ChatPrompt>;
}

/**
 * Compiles a Jinja chat template, once for all conversations.
 * @throws StarlingError invalid_template if it cannot be parsed
 */
export function compileTemplate(source: string, options: TemplateOptions = {}): ChatTemplate {
  const { bosToken = '', eosToken = '', controlTexts = [], now } = options;
  if (source.length > MAX_TEMPLATE_CHARACTERS) {
    throw new StarlingError(
      'invalid_template',
      `chat template: ${source.length} characters, at most ${MAX_TEMPLATE_CHARACTERS} are accepted`,
    );
  }
  const template = new Template(source, { now });
  const segmentsOf = segmenter(controlTexts);
  const tokens = { bos_token: bosToken, eos_token: eosToken };
  // What the template can take is found out once, when it first matters.
  let takes: ReturnType<typeof probeTemplate> | undefined;
  let abilities: ConversationAbilities | undefined;

  function* rendered(
    messages: readonly ChatMessage[],
    { tools, addGenerationPrompt = true, variables = {}, documents }: RenderOptions,
  ): Steps<Rendering> {
    takes ??= probeTemplate(template, tokens);
    const { takesNoTools, takesArgumentsAsText, takesContentAsParts } = takes;
    const context = {
      ...variables,
      ...(documents && documents.length > 0 && { documents }),
      ...tokens,
      messages: messages.map((message) => templateMessage(message, takesArgumentsAsText, takesContentAsParts)),
      tools: tools && tools.length > 0 ? tools : takesNoTools ? null : undefined,
      add_generation_prompt: addGenerationPrompt,
    };
    try {
      return yield* template.renderSteps(context);
    } catch (error) {
      if (!isStarlingError(error)) throw error;
      throw new StarlingError(error.code, `chat ${error.message}`, { details: error.details, cause: error });
    }
  }

  const abilitiesOf = (): ConversationAbilities =>
    (abilities ??= probeAbilities((messages, options) => {
      try {
        return settle(rendered(messages, options)).text;
      } catch (error) {
        if (isStarlingError(error, 'invalid_template')) return undefined;
        throw error;
      }
    }, source));

  function* prompt(messages: readonly ChatMessage[], options: RenderOptions): Steps<ChatPrompt> {
    const { fit = false, continueFinalMessage = false, documents = [] } = options;
    checkMessages(messages);
    if (documents.length > 0 && fit && !abilitiesOf().takesDocuments) {
      throw new StarlingError(
        'invalid_request',
        "this model's chat template shows no documents; write them into a message",
        { details: { param: 'documents' } },
      );
    }
    const fitted = fit ? fitConversation(messages, options.tools, abilitiesOf()) : { messages, tools: options.tools };
    yield;
    const { text, runs } = yield* rendered(fitted.messages, {
      ...options,
      tools: fitted.tools,
      ...(continueFinalMessage && { addGenerationPrompt: false }),
    });
    const end = continueFinalMessage ? finalContentEnd(fitted.messages, runs) : text.length;
    const shown = text.slice(0, end);
    yield;
    return {
      text: shown,
      segments: segmentsOf(shown, runs),
      spans: messageSpans(
        runs.filter((run) => run.start < end),
        fitted.messages,
      ),
    };
  }

  return {
    source,
    get abilities() {
      return abilitiesOf();
    },
    render: (messages, options = {}) => settle(prompt(messages, options)),
    renderSteps: (messages, options = {}) => prompt(messages, options),
  };
}

/** Where the prompt ends that the answer goes on with. */
function finalContentEnd(messages: readonly ChatMessage[], runs: Rendering['runs']): number {
  const end = messages.at(-1)?.role === 'assistant' ? contentEnd(runs, messages.length - 1) : undefined;
  if (end !== undefined) return end;
  throw new StarlingError(
    'invalid_request',
    "the last message cannot be continued: it has to be the assistant's, with text that the chat template shows",
    { details: { param: 'messages' } },
  );
}

/** A message as templates expect it: content is one string, or parts where only those are shown; arguments of tool calls are objects, or JSON text where only that is taken. */
function templateMessage(message: ChatMessage, asText: boolean, asParts: boolean): Record<string, unknown> {
  const { content: _content, tool_calls: calls, ...rest } = message;
  const text = contentText(message);
  const toolCalls = calls?.map((call) => ({
    ...call,
    function: {
      ...call.function,
      arguments: asText ? argumentsText(call.function.arguments) : argumentsOf(call.function.arguments),
    },
  }));
  return { ...rest, content: asParts ? [{ type: 'text', text }] : text, ...(toolCalls && { tool_calls: toolCalls }) };
}

function argumentsOf(value: string | Readonly<Record<string, unknown>>): unknown {
  if (typeof value !== 'string') return value;
  try {
    return parseJson(value);
  } catch {
    return value;
  }
}

/** As Python's `json.dumps` writes it. */
function argumentsText(value: string | Readonly<Record<string, unknown>>): string {
  return typeof value === 'string' ? value : jsonDumps(value);
}
