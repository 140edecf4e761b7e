import { codesOf } from '../automata/code-set.js';
import type { Fragment, Nfa } from '../automata/nfa.js';
import type { MachineSource } from '../machine/machine.js';
import type { AnswerFormat, CallFormat, JsonBody, Marker } from './answer-format.js';
import { piecesOf, triggerOf, type Piece } from './call-opening.js';
import { emitId, emitMarker, emitSpace } from './emit-marker.js';

/** A tool, and the machine of its arguments. */
export interface EmittedTool {
  readonly name: string;
  readonly source: MachineSource;
}

/** A way in to the calls of an answer. */
export interface CallEntry {
  /** What begins a call, by which it is told from text; the same for several tools perhaps. Empty: nothing does. */
  readonly trigger: Marker;
  /** Where calls go on behind the trigger. */
  readonly start: number;
}

/** The calls of an answer, once: with a way in from their beginning, and one behind each trigger. */
export interface EmittedCalls {
  readonly start: number;
  readonly entries: readonly CallEntry[];
  readonly end: number;
}

/** @param begun what of the first call the prompt has begun */
export function emitCalls(
  nfa: Nfa<MachineSource>,
  format: AnswerFormat,
  calls: CallFormat,
  tools: readonly EmittedTool[],
  isSingle: boolean,
): EmittedCalls {
  const { body, sectionStart, sectionEnd, callStart, separator } = calls;
  const isArray = body.kind === 'json' && body.isArray;
  const [start, afterCall, end] = [nfa.state(), nfa.state(), nfa.state()];
  const entries = new Map<Marker, number>();
  const opening = isArray ? `${sectionStart}[` : sectionStart;
  for (const tool of tools) {
    const pieces = piecesOf(calls, tool.name, opening);
    const text = pieces[0].kind === 'text' ? pieces[0].text : '';
    const trigger = triggerOf(text, tool.name, format);
    const entry = entries.get(trigger) ?? nfa.state();
    entries.set(trigger, entry);
    // From its beginning, and from behind its trigger.
    emitPieces(
      nfa,
      withFirst(pieces, format.begun !== '' && text.startsWith(format.begun) ? text.slice(format.begun.length) : text),
      calls,
      tool,
      start,
      afterCall,
    );
    emitPieces(nfa, withFirst(pieces, text.trimStart().slice(trigger.length)), calls, tool, entry, afterCall);
    if (!isSingle)
      emitPieces(nfa, piecesOf(calls, tool.name, isArray ? ', ' : separator), calls, tool, afterCall, afterCall);
  }
  // Models that write a line break behind each call are not to be held to another one; more than that would leave room to ramble until the limit.
  const [lineBreak] = isSingle || isArray || sectionEnd !== '' ? [''] : /^\s*/.exec(separator + callStart)!;
  const close = nfa.sequence([
    ...(isArray ? [emitSpace(nfa), nfa.text(']')] : []),
    emitMarker(nfa, sectionEnd),
    ...(lineBreak === '' ? [] : [nfa.repeat(() => nfa.text(lineBreak), 0, 1)]),
  ]);
  nfa.link(afterCall, close.start);
  nfa.link(close.end, end);
  return { start, entries: Array.from(entries, ([trigger, at]) => ({ trigger, start: at })), end };
}

function withFirst(pieces: readonly Piece[], text: Marker): Piece[] {
  return [{ kind: 'text', text }, ...pieces.slice(1)];
}

function emitPieces(
  nfa: Nfa<MachineSource>,
  pieces: readonly Piece[],
  calls: CallFormat,
  tool: EmittedTool,
  from: number,
  to: number,
): void {
  const whole = nfa.sequence(
    pieces.map((piece) => {
      switch (piece.kind) {
        case 'text':
          return emitMarker(nfa, piece.text, tool.name);
        case 'id':
          return emitId(nfa, calls.idLength);
        case 'arguments':
          return nfa.call(tool.source);
        case 'object':
          return emitObject(nfa, calls, tool);
      }
    }),
  );
  nfa.link(from, whole.start);
  nfa.link(whole.end, to);
}

/** The object that holds the name of one tool and its arguments. */
function emitObject(nfa: Nfa<MachineSource>, { body, idLength }: CallFormat, { name, source }: EmittedTool): Fragment {
  const fields = (body as JsonBody).fields;
  const members = (fields.length === 0 ? [{ key: name, holds: 'arguments' as const }] : fields).map(
    (field): Fragment => {
      const values: Fragment =
        field.holds === 'fixed'
          ? nfa.text(field.json)
          : field.holds === 'name'
            ? nfa.text(JSON.stringify(name))
            : field.holds === 'id'
              ? nfa.sequence([nfa.text('"'), emitId(nfa, idLength), nfa.text('"')])
              : nfa.call(source);
      return nfa.sequence([nfa.text(JSON.stringify(field.key)), emitSpace(nfa), nfa.text(':'), emitSpace(nfa), values]);
    },
  );
  const separated = members.flatMap((member, i) =>
    i === 0 ? [member] : [emitSpace(nfa), nfa.set(codesOf(',')), emitSpace(nfa), member],
  );
  return nfa.sequence([emitSpace(nfa), nfa.text('{'), emitSpace(nfa), ...separated, emitSpace(nfa), nfa.text('}')]);
}
