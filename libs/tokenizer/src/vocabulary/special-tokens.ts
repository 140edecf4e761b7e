import type { SpecialTokens } from '../tokenizer.js';
import { END_NAMES, NAMES_BY_ROLE, SHOWN_NAMES } from './token-names.table.js';
import { CONTROL, NORMAL, USER_DEFINED, type Vocabulary } from './vocabulary.js';

/** Special tokens while they are being found. */
export type SpecialTokensDraft = { -readonly [K in keyof Omit<SpecialTokens, 'endOfGeneration'>]: SpecialTokens[K] };

/**
 * Completes the special tokens with those that are known by their names alone, as the reference does, and marks them as control tokens in
 * `vocabulary.attributes`.
 */
export function completeSpecialTokens(vocabulary: Vocabulary, draft: SpecialTokensDraft): SpecialTokens {
  const { attributes } = vocabulary;
  const ends = new Set<number>();
  for (const [role, names] of Object.entries(NAMES_BY_ROLE)) {
    const key = role as keyof typeof NAMES_BY_ROLE;
    if (draft[key] !== undefined) continue;
    const id = firstOf(vocabulary, names);
    if (id === undefined) continue;
    draft[key] = id;
    attributes[id] |= CONTROL;
  }
  for (const id of [draft.fimPad, draft.fimRepo, draft.fimSeparator]) if (id !== undefined) ends.add(id);
  for (const name of END_NAMES) {
    const id = vocabulary.idOf(name);
    if (id === undefined) continue;
    ends.add(id);
    attributes[id] |= CONTROL;
  }
  for (const name of SHOWN_NAMES) {
    const id = vocabulary.idOf(name);
    if (id !== undefined) attributes[id] = USER_DEFINED;
  }
  for (const id of [draft.eos, draft.eot, draft.eom]) if (id !== undefined) ends.add(id);
  withoutTurnEnds(vocabulary, ends);
  return { ...draft, endOfGeneration: ends };
}

/** Where a model has its own tokens for the end of a turn, `<|end|>` and `</s>` are ordinary. */
function withoutTurnEnds(vocabulary: Vocabulary, ends: Set<number>): void {
  const idOfEnd = (name: string): number | undefined => {
    const id = vocabulary.idOf(name);
    return id !== undefined && ends.has(id) ? id : undefined;
  };
  const has = (name: string): boolean => idOfEnd(name) !== undefined;
  const end = idOfEnd('<|end|>');
  const calls = has('<|call|>') || has('<|calls|>');
  if (end !== undefined && calls && (has('<|return|>') || has('<|flush|>'))) {
    ends.delete(end);
    vocabulary.attributes[end] = USER_DEFINED;
  }
  const s = idOfEnd('</s>');
  if (s !== undefined && has('<|tool_response>')) {
    ends.delete(s);
    vocabulary.attributes[s] = NORMAL;
  }
}

function firstOf(vocabulary: Vocabulary, names: readonly string[]): number | undefined {
  for (const name of names) {
    const id = vocabulary.idOf(name);
    if (id !== undefined) return id;
  }
  return undefined;
}
