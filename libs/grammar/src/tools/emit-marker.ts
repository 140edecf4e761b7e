import { codesOf } from '../automata/code-set.js';
import type { Fragment, Nfa } from '../automata/nfa.js';
import type { MachineSource } from '../machine/machine.js';
import { ANY_WORD, LOOSE, TOOL_NAME, type Marker } from './answer-format.js';

/** Digits of a number that counts calls. */
const MAX_DIGITS = 3;
/** What a vocabulary may have as one control token: `<|tag|>`, `[TAG]`, `｜TAG｜`. */
const TAGS = [/<[^<>\s]*>/g, /\[[A-Z_/]+\]/g, /｜[^｜<>\s]+｜/g];

/** The pieces of a text that a vocabulary may have as control tokens. */
export function tagsOf(text: string): string[] {
  return [...new Set(TAGS.flatMap((pattern) => text.match(pattern) ?? []))];
}

/**
 * A marker as a piece of a grammar: white space in it stands for any that is no longer, or for none; each tag in it may also be one control token.
 * @param tool what `TOOL_NAME` stands for
 */
export function emitMarker(nfa: Nfa<MachineSource>, marker: Marker, tool = ''): Fragment {
  const parts = marker
    .replaceAll(LOOSE, '')
    .replaceAll(TOOL_NAME, tool)
    .split(new RegExp(`(\\s+|${ANY_WORD})`));
  return nfa.sequence(
    parts
      .filter((part) => part !== '')
      .map((part, i, all) => {
        if (part === ANY_WORD) return emitNumber(nfa);
        if (part.trim() !== '') return emitTagged(nfa, part);
        // A space between two words keeps them apart.
        const isBetweenWords = part === ' ' && /\w$/.test(all[i - 1] ?? '') && /^\w/.test(all[i + 1] ?? '');
        return emitSpace(nfa, { min: isBetweenWords ? 1 : 0, max: part.length });
      }),
  );
}

/** Text in which each tag may also be one control token. */
export function emitTagged(nfa: Nfa<MachineSource>, text: string): Fragment {
  const states = [nfa.state()];
  for (const char of text) {
    const next = nfa.state();
    nfa.move(states[states.length - 1], codesOf(char), next);
    states.push(next);
  }
  // By code units, as matches are.
  const places: number[] = [];
  Array.from(text).forEach((char, i) => {
    for (let unit = 0; unit < char.length; unit++) places.push(i);
  });
  places.push(states.length - 1);
  for (const pattern of TAGS) {
    for (const { 0: tag, index } of text.matchAll(pattern)) {
      nfa.tokenMove(
        states[places[index]],
        { kind: 'only', tokens: [tag], optional: true },
        states[places[index + tag.length]],
      );
    }
  }
  return { start: states[0], end: states[states.length - 1] };
}

/** White space where models put some: one character unless told otherwise. What is longer a model that must call would fill before it does. */
export function emitSpace(nfa: Nfa<MachineSource>, { min = 0, max = 1 } = {}): Fragment {
  const space = codesOf(' \n\r\t');
  return nfa.repeat(() => nfa.set(space), min, max);
}

function emitNumber(nfa: Nfa<MachineSource>): Fragment {
  const digit = codesOf('0123456789');
  return nfa.repeat(() => nfa.set(digit), 1, MAX_DIGITS);
}

/** Letters and digits of an id. @param length so many; without, some */
export function emitId(nfa: Nfa<MachineSource>, length: number | undefined): Fragment {
  const letter = codesOf('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789');
  return nfa.repeat(() => nfa.set(letter), length ?? 1, length ?? MAX_ID);
}

const MAX_ID = 40;
