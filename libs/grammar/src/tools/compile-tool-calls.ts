import { isStarlingError } from '@starling/core';
import { atOnce } from '../automata/at-once.js';
import { Nfa } from '../automata/nfa.js';
import { grammarError } from '../limits.js';
import { Grammar } from '../machine/grammar.js';
import type { Machine, StateBudget } from '../machine/machine.js';
import type { MachineSource } from '../machine/machine.js';
import { RuleMachine } from '../machine/rule-machine.js';
import { valueMachineSteps, type JsonSchemaOptions } from '../schema/compile-json-schema.js';
import type { AnswerFormat, CallFormat, ReasoningStart } from './answer-format.js';
import { argumentsMachineSteps } from './argument-syntax.js';
import { emitAnswer, type AnswerParts } from './emit-answer.js';
import type { EmittedTool } from './emit-calls.js';
import { answerFormatOf, type ToolCallFormatName } from './tool-call-format.js';

/** A tool as OpenAI's API describes it; without parameters it takes none. */
export interface Tool {
  readonly type?: 'function';
  readonly function: { readonly name: string; readonly parameters?: unknown };
}

/** Where in an answer what a grammar demands stands. */
export interface AnswerFrame {
  /** How the model writes answers: a known way to write calls, or all that is known of it (`@starling/chat` derives that from a template). */
  readonly format: ToolCallFormatName | AnswerFormat;
  /** Default `allowed`, where the format has reasoning. */
  readonly reasoning?: ReasoningStart;
  /** The content that is demanded is JSON: a fence may stand around it, of a model that has the habit. Default false. */
  readonly isJson?: boolean;
}

export interface ToolCallOptions extends JsonSchemaOptions, Partial<AnswerFrame> {
  /**
   * `auto` (default): an answer in prose, calls, or prose before calls. `required`: calls only. A name: calls of that tool only. `none`: prose
   * in which no call begins. Reasoning may come before all of them.
   */
  readonly choice?: 'auto' | 'none' | 'required' | { readonly name: string };
  /** Whether more than one call may come. Default true, where the format has a way to write them. */
  readonly parallel?: boolean;
  /** With `auto`: what an answer without calls has to be. Default: any text. */
  readonly content?: Grammar;
  /** With `auto`: arguments of tools whose schemas cannot be enforced are any objects. Default: such a schema is refused. */
  readonly lenient?: boolean;
  /** Names of tools whose schemas are enforced or refused, `lenient` or not. Default: none. */
  readonly strict?: readonly string[];
}

/**
 * A grammar for calls of the given tools: each call names a tool and has arguments that are valid against its schema.
 * @throws StarlingError invalid_grammar: for a schema that cannot be enforced, with the tool's name in `details.tool`; without tools,
 *   for two of the same name, a choice that is not among them, or a format that has no calls
 */
export function compileToolCalls(tools: readonly Tool[], options: ToolCallOptions = {}): Grammar {
  return atOnce(toolCallSteps(tools, options));
}

/** The same with stops on the way. */
export function* toolCallSteps(tools: readonly Tool[], options: ToolCallOptions = {}): Generator<undefined, Grammar> {
  const {
    choice = 'auto',
    format: formatOption = 'hermes',
    parallel = true,
    reasoning = 'allowed',
    content,
    isJson = false,
  } = options;
  const format = answerFormatOf(formatOption);
  const { calls } = format;
  if (calls === undefined) throw grammarError("this model's chat template shows no way to call tools");
  const makers: { readonly name: string; readonly make: (budget: StateBudget) => Machine }[] = [];
  for (const tool of chosen(tools, choice))
    makers.push({
      name: tool.function.name,
      make: yield* toolMachine(tool, calls, choice === 'none' ? { ...options, lenient: true } : options),
    });
  return new Grammar((budget) => {
    const emitted = makers.map(({ name, make }): EmittedTool => ({ name, source: lazily(() => make(budget)) }));
    const parts: AnswerParts = {
      format,
      calls,
      tools: emitted,
      isSingle: calls.isSingle || !parallel,
      reasoning: format.reasoning ? reasoning : 'closed',
      mayFence: isJson && format.fencesJson === true,
    };
    const answer =
      typeof choice === 'object'
        ? 'calls'
        : choice === 'required'
          ? 'calls'
          : choice === 'none'
            ? 'prose'
            : content === undefined
              ? 'any'
              : 'content-or-calls';
    return machineOf(parts, answer, content, budget);
  }, content?.tokens);
}

/**
 * A grammar for the content of an answer, where it stands in one: behind reasoning, and between what the model writes around content.
 * @throws StarlingError invalid_grammar
 */
export function frameGrammar(
  content: Grammar,
  { format: formatOption, reasoning = 'allowed', isJson = false }: AnswerFrame,
): Grammar {
  const format = answerFormatOf(formatOption);
  return new Grammar(
    (budget) =>
      machineOf(
        {
          format,
          calls: undefined,
          tools: [],
          isSingle: true,
          reasoning: format.reasoning ? reasoning : 'closed',
          mayFence: isJson && format.fencesJson === true,
        },
        'content',
        content,
        budget,
      ),
    content.tokens,
  );
}

function machineOf(
  parts: AnswerParts,
  answer: Parameters<typeof emitAnswer>[2],
  content: Grammar | undefined,
  budget: StateBudget,
): Machine {
  const nfa = new Nfa<MachineSource>();
  return new RuleMachine(nfa, emitAnswer(nfa, parts, answer, content && lazily(() => content.build(budget))), budget);
}

function chosen(tools: readonly Tool[], choice: NonNullable<ToolCallOptions['choice']>): readonly Tool[] {
  const names = tools.map((tool) => tool.function.name);
  if (names.length === 0) throw grammarError('a grammar for calls of tools needs at least one tool');
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw grammarError(`two tools have the name ${JSON.stringify(twice)}`, { tool: twice });
  if (names.includes('')) throw grammarError('a tool has no name');
  if (typeof choice === 'string') return tools;
  if (!names.includes(choice.name))
    throw grammarError(`the chosen tool ${JSON.stringify(choice.name)} is not among the tools: ${names.join(', ')}`, {
      tool: choice.name,
    });
  return tools.filter((tool) => tool.function.name === choice.name);
}

/** Names that all ways to write calls can hold. */
const NAME = /^[\w.\-/]+$/;

function* toolMachine(
  tool: Tool,
  { body }: CallFormat,
  options: ToolCallOptions,
): Generator<undefined, (budget: StateBudget) => Machine> {
  const { name, parameters } = tool.function;
  if (body.kind !== 'json' && !NAME.test(name))
    throw grammarError(
      `tool ${JSON.stringify(name)}: its name must be of letters, digits, _, ., - and / in this model's way to call tools`,
      { tool: name },
    );
  const make = (schema: unknown): Generator<undefined, (budget: StateBudget) => Machine> =>
    body.kind === 'json' || body.kind === 'named-json'
      ? valueMachineSteps(schema, options, 'object')
      : argumentsMachineSteps(schema, body, options);
  try {
    return yield* make(parameters ?? { type: 'object', additionalProperties: false });
  } catch (error) {
    if (!isStarlingError(error, 'invalid_grammar')) throw error;
    if (options.lenient && !options.strict?.includes(name)) return yield* make({ type: 'object' });
    throw grammarError(`tool ${JSON.stringify(name)}: ${error.message}`, { ...error.details, tool: name });
  }
}

function lazily(make: () => Machine): MachineSource {
  let made: Machine | undefined;
  return () => (made ??= make());
}
