import type { ToolDefinition } from '@starling/chat';
import { parameterError } from '@starling/core';
import type { ToolChoice } from '@starling/engine';
import * as v from 'valibot';

/** Tools of one request, at most. */
export const MAX_TOOLS = 1024;

/** A choice of one function. */
export const namedChoice = v.looseObject({
  type: v.literal('function'),
  function: v.looseObject({ name: v.string() }),
});

export const choiceWord = v.picklist(['none', 'auto', 'required']);

/** Some of the tools, of which any may or one must be called. */
export const allowedChoice = <Tool extends v.GenericSchema>(tool: Tool) =>
  v.looseObject({
    type: v.literal('allowed_tools'),
    allowed_tools: v.looseObject({ mode: v.picklist(['auto', 'required']), tools: v.array(tool) }),
  });

/** Whether a function must be called, and which: OpenAI's words, which are ours. */
export const toolChoiceSchema = v.union([choiceWord, namedChoice, allowedChoice(namedChoice)]);

type ToolChoiceBody = v.InferOutput<typeof toolChoiceSchema>;

/** A tool of a body; what it leaves out may be null. */
interface ToolBody {
  readonly function: {
    readonly name: string;
    readonly description?: string | null;
    readonly parameters?: Record<string, unknown> | null;
    readonly strict?: boolean | null;
  };
}

/** Tools without fields that are null. */
export function toolsOf(tools: readonly ToolBody[] | null | undefined): readonly ToolDefinition[] {
  return (tools ?? []).map(({ function: { name, description, parameters } }) => ({
    type: 'function',
    function: { name, ...(description != null && { description }), ...(parameters != null && { parameters }) },
  }));
}

/** Names of tools that say that their schemas are to be kept to: one that cannot be enforced is refused, whether or not a call is demanded. */
export const strictToolsOf = (tools: readonly ToolBody[] | null | undefined): readonly string[] =>
  (tools ?? []).flatMap(({ function: { name, strict } }) => (strict === true ? [name] : []));

/**
 * What a choice of tools means. `allowed_tools` leaves the others in the prompt, so that it stays the same, and takes them out of what may be called.
 * @throws StarlingError invalid_request for a choice of a tool that was not given, and for a call that is required where none may be made
 */
export function toolChoiceOf(
  choice: ToolChoiceBody | null | undefined,
  tools: readonly ToolDefinition[],
): { readonly choice: ToolChoice; readonly callable: readonly ToolDefinition[] } {
  if (choice === null || choice === undefined) return { choice: 'auto', callable: tools };
  if (typeof choice === 'string') {
    if (choice === 'required' && tools.length === 0) throw refused('"required" needs "tools"');
    return { choice, callable: tools };
  }
  if (choice.type === 'function') {
    const { name } = choice.function;
    if (!tools.some((tool) => tool.function.name === name))
      throw refused(`names ${JSON.stringify(name)}, which is not among the tools`);
    return { choice: { name }, callable: tools };
  }
  const names = choice.allowed_tools.tools.map((tool) => tool.function.name);
  const missing = names.find((name) => !tools.some((tool) => tool.function.name === name));
  if (missing !== undefined) throw refused(`allows ${JSON.stringify(missing)}, which is not among the tools`);
  if (choice.allowed_tools.mode === 'required' && names.length === 0)
    throw refused('requires a call and allows no tool');
  return { choice: choice.allowed_tools.mode, callable: tools.filter((tool) => names.includes(tool.function.name)) };
}

const refused = (problem: string): Error => parameterError('invalid_request', 'tool_choice', problem);
