import type { Fragment, Nfa } from '../automata/nfa.js';
import { emitFreeText } from '../lazy/free-text.js';
import { textNotBeginning, triggerDfa } from '../lazy/trigger-dfa.js';
import type { MachineSource } from '../machine/machine.js';
import type { AnswerFormat, CallFormat, Marker, ReasoningStart } from './answer-format.js';
import { patternOf } from './call-opening.js';
import { emitCalls, type CallEntry, type EmittedTool } from './emit-calls.js';
import { emitMarker, emitSpace, tagsOf } from './emit-marker.js';

/** What an answer is made of. */
export interface AnswerParts {
  readonly format: AnswerFormat;
  readonly calls: CallFormat | undefined;
  readonly tools: readonly EmittedTool[];
  readonly isSingle: boolean;
  readonly reasoning: ReasoningStart;
  /** A fence of Markdown may stand around content. */
  readonly mayFence: boolean;
}

/** What an answer has to be, behind its reasoning. */
export type AnswerKind = 'any' | 'prose' | 'calls' | 'content' | 'content-or-calls';

/** A whole answer. @param content the machine of its content, where that is demanded */
export function emitAnswer(
  nfa: Nfa<MachineSource>,
  parts: AnswerParts,
  kind: AnswerKind,
  content: MachineSource | undefined,
): Fragment {
  const { format, calls: callFormat, tools, isSingle } = parts;
  const calls = callFormat && emitCalls(nfa, format, callFormat, tools, isSingle);
  const [start, end] = [nfa.state(), nfa.state()];
  if (calls) nfa.link(calls.end, end);
  const isMarked = calls !== undefined && calls.entries.every(({ trigger }) => trigger !== '');
  if ((kind === 'any' || kind === 'prose') && isMarked) {
    // Text up to a call is free, reasoning in it too.
    const text = emitText(nfa, calls.entries, kind === 'any', format.begun);
    nfa.link(start, text.start);
    nfa.link(text.end, end);
    return { start, end };
  }
  const afterReasoning = nfa.state();
  emitReasoning(nfa, parts, isMarked && kind !== 'content' ? calls.entries : [], start, afterReasoning);
  if (calls && kind !== 'content' && kind !== 'prose') linkSpaced(nfa, format, afterReasoning, calls.start);
  if (kind === 'any' || kind === 'prose') {
    const text = emitFreeText(nfa, kind === 'any' ? textNotBeginning(['{', '[']) : triggerDfa([], []), 1);
    nfa.link(afterReasoning, text.start);
    nfa.link(text.free, end);
  } else if (kind !== 'calls' && content) emitContent(nfa, parts, content, afterReasoning, end);
  return { start, end };
}

/** Free text up to a call. @param isOpen whether a call may begin in it */
function emitText(nfa: Nfa<MachineSource>, entries: readonly CallEntry[], isOpen: boolean, begun: string): Fragment {
  const dfa = triggerDfa(
    [],
    entries.map(({ trigger }) => patternOf(trigger)),
  );
  const text = emitFreeText(nfa, dfa, entries.length, {
    tags: tagsOf(entries.map(({ trigger }) => trigger).join(' ')),
    begun,
  });
  if (isOpen) entries.forEach(({ start }, i) => nfa.link(text.triggered[i], start));
  return { start: text.start, end: text.free };
}

/** Reasoning up to its end; a call in it ends it too. */
function emitReasoning(
  nfa: Nfa<MachineSource>,
  { format: { reasoning }, reasoning: begin }: AnswerParts,
  entries: readonly CallEntry[],
  start: number,
  after: number,
): void {
  if (begin !== 'open' || !reasoning) nfa.link(start, after);
  if (begin === 'closed' || !reasoning) return;
  const ends: readonly CallEntry[] = [{ trigger: reasoning.end.trim(), start: after }, ...entries];
  const dfa = triggerDfa(
    [],
    ends.map(({ trigger }) => patternOf(trigger)),
  );
  const text = emitFreeText(nfa, dfa, ends.length, { tags: tagsOf(ends.map(({ trigger }) => trigger).join(' ')) });
  ends.forEach((one, i) => nfa.link(text.triggered[i], one.start));
  if (begin === 'open') nfa.link(start, text.start);
  else {
    const opening = nfa.sequence([emitSpace(nfa), emitMarker(nfa, reasoning.start.trim())]);
    nfa.link(start, opening.start);
    nfa.link(opening.end, text.start);
  }
}

function emitContent(
  nfa: Nfa<MachineSource>,
  { format, mayFence }: AnswerParts,
  content: MachineSource,
  from: number,
  to: number,
): void {
  const { contentStart, contentEnds, begun } = format;
  const before: Marker =
    begun !== '' && contentStart.startsWith(begun) ? contentStart.slice(begun.length) : contentStart;
  const after = contentEnds.at(0);
  const plain = nfa.call(content);
  const whole = nfa.sequence([
    emitMarker(nfa, before),
    mayFence
      ? nfa.choice([plain, nfa.sequence([emitMarker(nfa, '```json\n'), nfa.call(content), emitMarker(nfa, '\n```')])])
      : plain,
  ]);
  linkSpaced(nfa, format, from, whole.start);
  nfa.link(whole.end, to);
  if (after === undefined) return;
  const close = emitMarker(nfa, after);
  nfa.link(whole.end, close.start);
  nfa.link(close.end, to);
}

/** Line breaks between the parts of an answer: as many as make a paragraph. */
const LINE_BREAKS = 2;

/** White space between structure is free, but inside of what the prompt has begun. */
function linkSpaced(nfa: Nfa<MachineSource>, { begun }: AnswerFormat, from: number, to: number): void {
  if (begun !== '') {
    nfa.link(from, to);
    return;
  }
  const space = emitSpace(nfa, { max: LINE_BREAKS });
  nfa.link(from, space.start);
  nfa.link(space.end, to);
}
