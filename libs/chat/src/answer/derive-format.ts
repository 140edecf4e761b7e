import type { AnswerFormat } from '@starling/grammar';
import { commonPrefix, commonSuffix } from './common-text.js';
import { deriveCalls } from './derive-calls.js';
import { HARD_REASONING, KEEP_REASONING, PROBE, probeCall, renderTurn, type Render } from './probe.js';

interface Tags {
  readonly start: string;
  readonly end: string;
}

/** Ways to write reasoning that templates take for granted without showing it in earlier turns. */
const KNOWN_REASONING: readonly Tags[] = [
  { start: '<think>', end: '</think>' },
  { start: '[THINK]', end: '[/THINK]' },
  { start: '<|START_THINKING|>', end: '<|END_THINKING|>' },
  { start: '<|channel>thought', end: '<channel|>' },
  // Apriel.
  { start: 'Here are my reasoning steps:', end: '[BEGIN FINAL RESPONSE]' },
];

/** A turn with reasoning, as the template shows it. */
interface ReasonedTurn {
  readonly turn: string;
  readonly at: number;
  readonly contentAt: number;
}

/**
 * Learns from a template how its model writes answers: renders turns that differ in one thing (content, reasoning, a call more) and compares them.
 * @param source the template's text, where only that tells of reasoning
 */
export function deriveFormat(render: Render, source: string): AnswerFormat {
  const content = renderTurn(render, { content: PROBE.content }) ?? '';
  const prompt = renderTurn(render, undefined) ?? '';
  const contentAt = content.indexOf(PROBE.content);
  if (contentAt < 0) {
    const reasoning = knownReasoning(source);
    return { header: '', begun: '', ...(reasoning && { reasoning }), contentStart: '', contentEnds: [], turnEnd: '' };
  }
  const afterContent = content.slice(contentAt + PROBE.content.length);
  const call = renderTurn(render, { tool_calls: [probeCall(0)] });
  const shown = call?.includes(PROBE.tools[0]) ? call : undefined;
  const reasoned = reasonedTurn(render);
  const shared = openingOf(content.slice(0, contentAt), prompt);
  const opening = [shown, reasoned?.turn].reduce(
    (text: string, turn) => (turn === undefined ? text : commonPrefix(text, turn)),
    shared,
  );
  const turnEnd = turnEndOf(afterContent, shown, opening);
  const reasoning = deriveReasoning(reasoned, {
    header: opening,
    beforeContent: content.slice(opening.length, contentAt),
    prompt,
    source,
  });
  const whole = withoutOpenReasoning(opening, reasoning);
  const begun = begunCall(whole, shown, renderTurn(render, { tool_calls: [probeCall(0), probeCall(1)] }));
  const header = whole.slice(0, whole.length - begun.length);
  const contentStart = withoutReasoning(content.slice(header.length, contentAt), reasoning);
  const ownEnd = afterContent.includes(turnEnd) ? afterContent.slice(0, afterContent.lastIndexOf(turnEnd)) : '';
  const bare = (text: string): string => withoutEmpty(withoutReasoning(text, reasoning), contentStart, ownEnd);
  const calls = deriveCalls(render, { header, end: turnEnd, bare });
  const contentEnds = [ownEnd, deriveContentEnd(render, header, bare) ?? ''];
  const turnJoin = deriveTurnJoin(render, header, turnEnd);
  return {
    header,
    begun,
    ...(reasoning && { reasoning }),
    contentStart,
    contentEnds: [...new Set(contentEnds)].filter((end) => end.trim() !== ''),
    turnEnd,
    ...(turnJoin !== undefined && { turnJoin }),
    ...(calls && { calls }),
  };
}

/** What both the prompt and the turn have before an answer; some prompts say more before that. */
function openingOf(beforeContent: string, prompt: string): string {
  const prefix = commonPrefix(beforeContent, prompt);
  return prefix !== beforeContent && prompt.endsWith(beforeContent) ? beforeContent : prefix;
}

/** What all turns end with; white space alone where that is all that content ends with. */
function turnEndOf(afterContent: string, call: string | undefined, opening: string): string {
  const end = afterContent.trimEnd();
  if (end === '') return afterContent;
  return firstOfNextTurn(call === undefined ? end : commonSuffix(end, call.trimEnd()), opening);
}

/** What the header holds that also stands before later calls of a turn, where a call begins with its name: `>>>NAME`. */
function begunCall(header: string, one: string | undefined, two: string | undefined): string {
  const [alpha, beta] = PROBE.tools;
  const tail = /[^\s\w]+$/.exec(header)?.[0] ?? '';
  return tail !== '' && one?.startsWith(`${header}${alpha}`) === true && two?.includes(`${tail}${beta}`) === true
    ? tail
    : '';
}

/** Longer ends of turns hold words of the next one. */
const MAX_TURN_END = 80;

/** A template that always begins the next answer shows more than the end of this one. */
function firstOfNextTurn(turnEnd: string, opening: string): string {
  const [first, second] = turnEnd.match(/<[^<>]*>/g) ?? [];
  const goesOn = turnEnd.includes(opening.trim()) || turnEnd.length > MAX_TURN_END;
  return first !== undefined && second !== undefined && goesOn ? first : turnEnd;
}

/** A header without the tags of reasoning that every answer shows. */
function withoutOpenReasoning(opening: string, reasoning: Tags | undefined): string {
  let text = opening;
  for (const tag of reasoning ? [reasoning.end, reasoning.start] : []) {
    const trimmed = text.trimEnd();
    if (tag !== '' && trimmed !== tag && trimmed.endsWith(tag)) text = trimmed.slice(0, -tag.length);
  }
  return text;
}

/** The text behind an empty block of content. */
function withoutEmpty(text: string, start: string, end: string): string {
  const block = withoutSpace(`${start}${end}`);
  const rest = text.trimStart();
  return start !== '' && end.trim() !== '' && rest.startsWith(block) ? rest.slice(block.length) : text;
}

/** The first way to render a turn in which its reasoning shows. */
function reasonedTurn(render: Render): ReasonedTurn | undefined {
  for (const variables of [undefined, KEEP_REASONING, HARD_REASONING]) {
    for (const fields of [
      { reasoning_content: PROBE.reasoning },
      { reasoning: PROBE.reasoning, thinking: PROBE.reasoning },
    ]) {
      const turn = renderTurn(render, { content: PROBE.content, ...fields }, variables);
      const at = turn?.indexOf(PROBE.reasoning) ?? -1;
      const contentAt = turn?.indexOf(PROBE.content) ?? -1;
      if (turn !== undefined && at >= 0 && contentAt > at) return { turn, at, contentAt };
    }
  }
  return undefined;
}

interface Around {
  readonly header: string;
  readonly beforeContent: string;
  readonly prompt: string;
  readonly source: string;
}

/** How reasoning is written: as earlier turns show it, else as the prompt begins it, else as the template's text knows it. */
function deriveReasoning(
  reasoned: ReasonedTurn | undefined,
  { header, beforeContent, prompt, source }: Around,
): Tags | undefined {
  if (reasoned?.turn.startsWith(header)) {
    const { turn, at, contentAt } = reasoned;
    const between = turn.slice(at + PROBE.reasoning.length, contentAt);
    const start = turn.slice(header.length, at);
    const ownStart = withoutReasoning(beforeContent, { start, end: between });
    const end =
      between.endsWith(ownStart) && ownStart.trim() !== between.trim()
        ? between.slice(0, between.length - ownStart.length)
        : between;
    if (end.trim() !== '') {
      const tags = wholeTags(start.trim(), end.trim(), header.trimEnd());
      // What only the prompt shows begins reasoning.
      return tags.start === '' && prompt.startsWith(header)
        ? { ...tags, start: prompt.slice(header.length).trim() }
        : tags;
    }
  }
  return (
    knownReasoning(source) ??
    KNOWN_REASONING.find(({ start, end }) => beforeContent.includes(end) || prompt.trimEnd().endsWith(start))
  );
}

/** The tags that a template's text speaks of, or the end of which it cuts earlier answers at. */
function knownReasoning(source: string): Tags | undefined {
  return (
    KNOWN_REASONING.find(({ start, end }) => source.includes(start) && source.includes(end)) ??
    KNOWN_REASONING.find(({ end }) => source.includes(`split('${end}')`) || source.includes(`split("${end}")`))
  );
}

/**
 * Where every answer shows the beginning of reasoning, it stands in the header: the tag there that has the word of the end tag. And an end that
 * holds another beginning (`<|close|>think<|sep|><|open|>response<|sep|>`) ends before it.
 */
function wholeTags(start: string, end: string, header: string): Tags {
  const word = /[a-z]{3,}/i.exec(end.replaceAll(/<\|\w+\|>/g, ' '))?.[0] ?? /[a-z]{3,}/i.exec(end)?.[0];
  const wordAt = start === '' && word !== undefined ? header.lastIndexOf(word) : -1;
  const wholeStart = wordAt < 0 ? start : header.slice(tagRunStart(header, wordAt));
  const first = /^<[^<>]*>/.exec(wholeStart)?.[0];
  const next = first === undefined ? -1 : end.indexOf(first);
  return { start: wholeStart, end: next > 0 ? end.slice(0, next) : end };
}

/** Where the tag begins that a word is in, or that stands before it. */
function tagRunStart(text: string, wordAt: number): number {
  const open = text.lastIndexOf('<', wordAt);
  if (open < 0) return wordAt;
  const close = text.indexOf('>', open);
  return close > wordAt || close === wordAt - 1 ? open : wordAt;
}

/** The text before content without an empty block of reasoning, or the end of one. */
function withoutReasoning(beforeContent: string, reasoning: Tags | undefined): string {
  if (!reasoning) return beforeContent;
  let text = beforeContent.trim();
  const start = reasoning.start.trim();
  const end = reasoning.end.trim();
  if (start !== '' && text.startsWith(start)) text = text.slice(start.length).trimStart();
  // What ends reasoning may begin content too: only its first part is the end then.
  const shared = end !== '' && text.startsWith(end) ? end : '';
  return text.slice(shared.length).trimStart();
}

/** What stands between content and the call behind it, without what begins the call anyway. */
function deriveContentEnd(render: Render, header: string, bare: (text: string) => string): string | undefined {
  const both = renderTurn(render, { content: PROBE.content, tool_calls: [probeCall(0)] });
  const alone = renderTurn(render, { tool_calls: [probeCall(0)] });
  const contentAt = both?.indexOf(PROBE.content) ?? -1;
  if (both === undefined || alone === undefined || contentAt < 0 || !alone.startsWith(header)) return undefined;
  const nameAt = both.indexOf(PROBE.tools[0], contentAt);
  if (nameAt < 0) return undefined;
  const between = both.slice(contentAt + PROBE.content.length, nameAt);
  const opener = bare(alone.slice(header.length, alone.indexOf(PROBE.tools[0])));
  return between.endsWith(opener)
    ? between.slice(0, between.length - opener.length)
    : between.slice(0, between.length - commonSuffix(between, opener).length);
}

/** The end of a turn and the beginning of the next, where a template writes content and calls as two turns of the assistant. */
function deriveTurnJoin(render: Render, header: string, turnEnd: string): string | undefined {
  const both = renderTurn(render, { content: PROBE.content, tool_calls: [probeCall(0)] });
  const places = [PROBE.content, PROBE.tools[0]].map((part) => both?.indexOf(part) ?? -1);
  if (both === undefined || places.includes(-1) || turnEnd.trim() === '') return undefined;
  const between = both.slice(Math.min(...places), Math.max(...places));
  const join = `${turnEnd}${header}`;
  return withoutSpace(between).includes(withoutSpace(join)) ? join : undefined;
}

function withoutSpace(text: string): string {
  return text.replaceAll(/\s+/g, '');
}
