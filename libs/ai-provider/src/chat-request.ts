import { UnsupportedFunctionalityError, type LanguageModelV3CallOptions, type SharedV3Warning } from '@ai-sdk/provider';
import type { ToolDefinition } from '@starling/chat';
import type { ChatRequest, ToolChoice } from '@starling/engine';
import { conversationOf, isBegun } from './conversation.js';
import { chatOptionsOf, type StarlingOptions } from './options.js';

/** What a call of the SDK asks for, and what of it cannot be had. */
export interface AskedChat {
  readonly request: ChatRequest;
  readonly warnings: SharedV3Warning[];
}

/**
 * The request that a call means.
 * @param defaults options of all calls
 * @throws UnsupportedFunctionalityError for what would change what is asked: files, tools that a provider runs, a choice of a tool that is not there
 * @throws StarlingError invalid_request for options that are not known
 */
export function askedChat(call: LanguageModelV3CallOptions, defaults: StarlingOptions): AskedChat {
  const warnings: SharedV3Warning[] = [];
  const options = { ...defaults, ...chatOptionsOf(call.providerOptions) };
  const { continueFinalMessage = isBegun(call.prompt), ...more } = options;
  const tools = toolsOf(call.tools, warnings);
  const request: ChatRequest = {
    ...more,
    ...given({
      maxTokens: call.maxOutputTokens,
      stop: call.stopSequences,
      seed: call.seed,
      temperature: call.temperature,
      topP: call.topP,
      topK: call.topK,
      presencePenalty: call.presencePenalty,
      frequencyPenalty: call.frequencyPenalty,
      signal: call.abortSignal,
    }),
    ...formatOf(call.responseFormat, warnings),
    messages: conversationOf(call.prompt),
    ...(continueFinalMessage && { continueFinalMessage, addGenerationPrompt: false }),
    tools,
    toolChoice: choiceOf(call.toolChoice, tools),
    parallelToolCalls: options.parallelToolCalls ?? true,
  };
  return { request, warnings };
}

/** Without what is not said: the engine has defaults of its own. */
const given = <T extends object>(fields: T): Partial<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;

function toolsOf(tools: LanguageModelV3CallOptions['tools'], warnings: SharedV3Warning[]): ToolDefinition[] {
  return (tools ?? []).map((tool): ToolDefinition => {
    if (tool.type === 'provider')
      throw new UnsupportedFunctionalityError({
        functionality: `the tool ${tool.id}, which its provider runs (this one runs none: give a tool with "execute")`,
      });
    const { name, description, inputSchema, inputExamples } = tool;
    if (inputExamples !== undefined)
      warnings.push({
        type: 'unsupported',
        feature: `tools.${name}.inputExamples`,
        details: 'chat templates show no examples: tell them in the description',
      });
    return {
      type: 'function',
      function: {
        name,
        ...(description !== undefined && { description }),
        parameters: inputSchema as Readonly<Record<string, unknown>>,
      },
    };
  });
}

function choiceOf(choice: LanguageModelV3CallOptions['toolChoice'], tools: readonly ToolDefinition[]): ToolChoice {
  if (choice === undefined) return 'auto';
  if (choice.type === 'required' && tools.length === 0)
    throw new UnsupportedFunctionalityError({ functionality: 'toolChoice "required" without tools' });
  if (choice.type !== 'tool') return choice.type;
  const { toolName: name } = choice;
  if (tools.some((tool) => tool.function.name === name)) return { name };
  throw new UnsupportedFunctionalityError({
    functionality: `toolChoice of ${JSON.stringify(name)}, which is not among the tools`,
  });
}

/** JSON of any kind where there is no schema. */
function formatOf(
  format: LanguageModelV3CallOptions['responseFormat'],
  warnings: SharedV3Warning[],
): Pick<ChatRequest, 'jsonSchema'> {
  if (format?.type !== 'json') return {};
  for (const name of ['name', 'description'] as const) {
    if (format[name] !== undefined)
      warnings.push({
        type: 'unsupported',
        feature: `responseFormat.${name}`,
        details: 'the answer is held to the schema, which the model does not see: tell it in the prompt',
      });
  }
  return { jsonSchema: format.schema ?? true };
}
