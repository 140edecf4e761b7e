import { isStarlingError } from '@starling/core';
import { codesOf } from '../automata/code-set.js';
import { Nfa, type Fragment } from '../automata/nfa.js';
import { emitFreeText } from '../lazy/free-text.js';
import { textNotBeginning, triggerDfa } from '../lazy/trigger-dfa.js';
import { grammarError } from '../limits.js';
import { Grammar } from '../machine/grammar.js';
import type { Machine, StateBudget } from '../machine/machine.js';
import { RuleMachine, type MachineSource } from '../machine/rule-machine.js';
import { valueMachineMaker, type JsonSchemaOptions } from '../schema/compile-json-schema.js';
import { markerOf, TOOL_CALL_FORMATS, type ToolCallFormat, type ToolCallFormatName } from './tool-call-format.js';

/** A tool as OpenAI's API describes it; without parameters it takes none. */
export interface Tool {
  readonly type?: 'function';
  readonly function: { readonly name: string; readonly parameters?: unknown };
}

export interface ToolCallOptions extends JsonSchemaOptions {
  /** A known format, or one of your own. Default `hermes`. */
  readonly format?: ToolCallFormatName | ToolCallFormat;
  /**
   * `auto` (default): an answer in prose, calls, or prose before calls where the format has a marker. `required`: calls only.
   * A name: calls of that tool only.
   */
  readonly choice?: 'auto' | 'required' | { readonly name: string };
  /** Whether more than one call may come. Default true, where the format has a way to write them. */
  readonly parallel?: boolean;
}

/** Characters of white space where a format has some. */
const MAX_SPACE = 20;

/** A call after its `openCall` (and, for tags, after the text before the name): one alternative a tool. */
interface ToolMachine {
  readonly name: string;
  readonly make: (budget: StateBudget) => Machine;
}

/**
 * A grammar for calls of the given tools: each call names a tool and has arguments that are valid against its schema.
 * @throws StarlingError invalid_grammar: for a schema that cannot be enforced, with the tool's name in `details.tool`; without tools,
 *   for two of the same name, or a choice that is not among them
 */
export function compileToolCalls(tools: readonly Tool[], options: ToolCallOptions = {}): Grammar {
  const { choice = 'auto', format: formatOption = 'hermes', parallel = true } = options;
  const format: ToolCallFormat = typeof formatOption === 'string' ? TOOL_CALL_FORMATS[formatOption] : formatOption;
  const machines = chosen(tools, choice).map((tool) => toolMachine(tool, options));
  const isOpen = choice === 'auto';
  const marker = markerOf(format);
  // Prose ends at the marker, or is told from a call by how it begins.
  const prose = marker === '' ? textNotBeginning(['{', '[']) : triggerDfa([marker], []);
  return new Grammar((budget) => {
    const nfa = new Nfa<MachineSource>();
    const sources = machines.map(({ name, make }) => ({ name, source: lazily(() => make(budget)) }));
    const end = nfa.state();
    if (!isOpen) {
      const calls = emitCalls(nfa, format, sources, parallel, '');
      nfa.link(calls.end, end);
      return new RuleMachine(nfa, { start: calls.start, end }, budget);
    }
    const text = emitFreeText(nfa, prose, [], marker === '' ? [] : [marker]);
    nfa.link(text.free, end);
    const calls = emitCalls(nfa, format, sources, parallel, marker);
    nfa.link(calls.end, end);
    if (marker !== '') {
      nfa.link(text.triggered, calls.start);
      return new RuleMachine(nfa, { start: text.start, end }, budget);
    }
    const start = nfa.state();
    nfa.link(start, text.start);
    nfa.link(start, calls.start);
    return new RuleMachine(nfa, { start, end }, budget);
  });
}

function chosen(tools: readonly Tool[], choice: 'auto' | 'required' | { readonly name: string }): readonly Tool[] {
  const names = tools.map((tool) => tool.function.name);
  if (names.length === 0) throw grammarError('a grammar for calls of tools needs at least one tool');
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw grammarError(`two tools have the name ${JSON.stringify(twice)}`, { tool: twice });
  if (names.includes('')) throw grammarError('a tool has no name');
  if (typeof choice === 'string') return tools;
  if (!names.includes(choice.name))
    throw grammarError(`the chosen tool ${JSON.stringify(choice.name)} is not among the tools: ${names.join(', ')}`, { tool: choice.name });
  return tools.filter((tool) => tool.function.name === choice.name);
}

function toolMachine(tool: Tool, options: JsonSchemaOptions): ToolMachine {
  const { name, parameters } = tool.function;
  try {
    const schema = parameters ?? { type: 'object', additionalProperties: false };
    return { name, make: valueMachineMaker(schema, options, 'object') };
  } catch (error) {
    if (!isStarlingError(error)) throw error;
    throw grammarError(`tool ${JSON.stringify(name)}: ${error.message}`, { ...error.details, tool: name });
  }
}

/** All calls, without the first `skip` of what comes before them (it was read as prose). */
function emitCalls(
  nfa: Nfa<MachineSource>,
  format: ToolCallFormat,
  tools: readonly { name: string; source: MachineSource }[],
  parallel: boolean,
  skip: string,
): Fragment {
  const { body } = format;
  const beforeName = body.kind === 'tag' ? body.beforeName : '';
  const marker = markerOf(format);
  const first = emitText(nfa, (format.open + format.openCall + beforeName).slice(skip.length), skip === '' ? marker : '');
  const call = nfa.choice(tools.map(({ name, source }) => emitCall(nfa, format, name, source)));
  const closeCall = emitText(nfa, format.closeCall, '');
  const close = emitText(nfa, format.close, '');
  const calls = nfa.sequence([...(marker === '' ? [emitSpace(nfa)] : []), first, call, closeCall, close]);
  if (parallel && format.between !== undefined) {
    const next = emitText(nfa, format.openCall + beforeName, format.open === '' ? marker : '');
    const between = nfa.sequence([emitText(nfa, format.between, ''), next]);
    nfa.link(closeCall.end, between.start);
    nfa.link(between.end, call.start);
  }
  return calls;
}

/** The name of one tool and its arguments. */
function emitCall(nfa: Nfa<MachineSource>, { body }: ToolCallFormat, name: string, source: MachineSource): Fragment {
  if (body.kind === 'tag') return nfa.sequence([nfa.text(name), emitText(nfa, body.afterName, ''), nfa.call(source)]);
  const before = ['{', '"name"', ':', JSON.stringify(name), ',', JSON.stringify(body.argumentsKey), ':', ''];
  return nfa.sequence([spaced(nfa, before), nfa.call(source), spaced(nfa, ['', '}'])]);
}

/** A text in which white space stands for any; `marker`, at its beginning, may also be one control token. */
function emitText(nfa: Nfa<MachineSource>, text: string, marker: string): Fragment {
  const rest = spaced(nfa, text.slice(marker.length).split(/[ \n]+/));
  if (marker === '') return rest;
  return nfa.sequence([nfa.choice([nfa.text(marker), nfa.token({ kind: 'only', tokens: [marker], optional: true })]), rest]);
}

/** Texts with white space between them. */
function spaced(nfa: Nfa<MachineSource>, texts: readonly string[]): Fragment {
  return nfa.sequence(texts.flatMap((text, i) => [...(i > 0 ? [emitSpace(nfa)] : []), nfa.text(text)]));
}

function emitSpace(nfa: Nfa<MachineSource>): Fragment {
  const space = codesOf(' \n\r\t');
  return nfa.repeat(() => nfa.set(space), 0, MAX_SPACE);
}

function lazily(make: () => Machine): MachineSource {
  let made: Machine | undefined;
  return () => (made ??= make());
}
