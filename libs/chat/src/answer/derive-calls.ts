import type { CallBody, CallFormat } from '@starling/grammar';
import { commonPrefix, commonSuffix } from './common-text.js';
import { locateCall, type LocatedCall } from './locate-call.js';
import { TOOL_NAME } from '@starling/grammar';
import { PROBE, probeCall, probeIds, renderTurn, type Render } from './probe.js';

/** What an assistant's turn begins and ends with, as far as it is the same for all answers. */
export interface TurnFrame {
  readonly header: string;
  readonly end: string;
  /** Takes empty blocks of reasoning and content off the beginning of what is between. */
  readonly bare: (text: string) => string;
}

const [alpha, beta] = PROBE.tools;

/**
 * How a template writes calls, from turns that differ in one thing: one call and two, arguments and none.
 * Undefined: it shows no calls, or in a way that is not one of those known.
 */
export function deriveCalls(render: Render, frame: TurnFrame): CallFormat | undefined {
  const turn = (...calls: readonly ReturnType<typeof probeCall>[]): string | undefined =>
    within(frame, renderTurn(render, { tool_calls: calls }));
  const ids = probeIds(render);
  if (ids === undefined) return undefined;
  const one = turn(probeCall(0, undefined, ids[0]));
  if (!one?.includes(alpha)) return undefined;
  const located = locateCall(one, alpha, ids[0], (values) => turn(probeCall(0, values, ids[0])));
  if (located === undefined) return undefined;
  const two = turn(probeCall(0, undefined, ids[0]), probeCall(1, undefined, ids[1]));
  // An id of one character more is refused by templates that take one length alone.
  const hasLongerId = turn(probeCall(0, undefined, `${ids[0]}0`))?.includes(alpha) === true;
  return {
    ...joined(located, one, two?.includes(beta) ? two : undefined, frame),
    ...(!hasLongerId && { idLength: ids[0].length }),
  };
}

/** The part of a turn between its header and its end. */
function within({ header, end, bare }: TurnFrame, turn: string | undefined): string | undefined {
  if (!turn?.startsWith(header)) return undefined;
  // Templates that begin the next answer unasked show the end of this one before; others end content before a call as they end the turn.
  const lastName = Math.max(header.length, turn.lastIndexOf(alpha), turn.lastIndexOf(beta));
  const endAt = end === '' ? -1 : turn.indexOf(end, lastName);
  return bare(turn.slice(header.length, endAt < 0 ? undefined : endAt));
}

/** Tells what belongs to one call from what belongs to all of them, by a turn of two. */
function joined(
  { before, after, body }: LocatedCall,
  one: string,
  two: string | undefined,
  { header, end }: TurnFrame,
): CallFormat {
  const isSingle = two === undefined;
  const isArray = body.kind === 'json' && before.trimEnd().endsWith('[') && after.trimStart().startsWith(']');
  if (isArray) {
    return {
      sectionStart: before.trimEnd().slice(0, -1),
      sectionEnd: after.trimStart().slice(1),
      callStart: '',
      callEnd: '',
      separator: '',
      isSingle,
      body: { ...body, isArray },
    };
  }
  const between = two === undefined ? undefined : betweenCalls(two, one, after, body);
  if (between === undefined)
    return { sectionStart: '', sectionEnd: '', callStart: before, callEnd: after, separator: '', isSingle: true, body };
  const callEnd = commonPrefix(after + end, between);
  // The header may hold what begins each call.
  const callStart = commonSuffix(header + before, between.slice(callEnd.length));
  return {
    sectionStart: callStart.length >= before.length ? '' : before.slice(0, before.length - callStart.length),
    sectionEnd: sectionEndOf(after, callEnd, two),
    callStart,
    callEnd,
    separator: between.slice(callEnd.length, between.length - callStart.length),
    isSingle,
    body,
  };
}

/** What stands behind the last call. Some templates write it behind several calls alone, with the end of the turn. */
function sectionEndOf(after: string, callEnd: string, two: string | undefined): string {
  const own = after.startsWith(callEnd) ? after.slice(callEnd.length) : '';
  const last = two?.lastIndexOf(callEnd) ?? -1;
  if (own.trim() !== '' || two === undefined || callEnd.trim() === '' || last < 0) return own;
  return /^\s*<[^<>]*>/.exec(two.slice(last + callEnd.length))?.[0] ?? own;
}

/** Text between the end of the first call and the name (or id, or JSON) of the second. */
function betweenCalls(two: string, one: string, after: string, body: CallBody): string | undefined {
  const from = one.length - after.length;
  const secondAt = two.indexOf(beta, from);
  if (secondAt < 0) return undefined;
  const words = (text: string): string => text.replaceAll(beta, TOOL_NAME);
  if (body.kind === 'json') {
    const start = two.lastIndexOf('{', secondAt);
    return start < from ? undefined : words(two.slice(from, start));
  }
  // A name that is written twice: the last one before the arguments counts.
  const keyAt = two.indexOf(PROBE.keys[0], secondAt);
  const nameAt = two.lastIndexOf(beta, keyAt);
  const place = body.kind === 'named-json' ? body.id?.place : undefined;
  const idAt = place === 'before' ? two.indexOf(PROBE.ids[1], from) : -1;
  const prefix = place === 'around' ? /[a-z]+\.$/.exec(two.slice(0, nameAt))?.[0].length : undefined;
  return words(two.slice(from, idAt >= 0 ? idAt : (nameAt < 0 ? secondAt : nameAt) - (prefix ?? 0)));
}
