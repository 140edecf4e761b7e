import { ALL_CODES } from '../automata/code-set.js';
import { intersect, subtract } from '../automata/algebra.js';
import { determinize } from '../automata/determinize.js';
import { ACCEPT, type Dfa } from '../automata/dfa.js';
import { embed } from '../automata/embed.js';
import { Nfa, type Fragment } from '../automata/nfa.js';
import { grammarError } from '../limits.js';
import { someNode, type RegexNode } from './regex-node.js';

const ANYTHING: RegexNode = { kind: 'repeat', of: { kind: 'set', set: ALL_CODES }, min: 0 };

/**
 * The language of the texts that an expression matches: as a whole (`full`), somewhere inside (`search`, what JSON Schema's
 * `pattern` means), or up to the end (`end`). A lookahead is an intersection of what follows it with its own language, so it must
 * not stand in a repetition.
 * @throws StarlingError invalid_grammar
 */
export function regexDfa(node: RegexNode, match: 'full' | 'search' | 'end'): Dfa {
  if (match === 'full') return languageOf([node]);
  return languageOf(match === 'end' ? [ANYTHING, node] : [ANYTHING, node, ANYTHING]);
}

/** The language of nodes one after the other, up to the end of the text. */
function languageOf(nodes: readonly RegexNode[]): Dfa {
  const nfa = new Nfa();
  const whole = emitToEnd(nfa, nodes);
  return determinize(nfa, whole.start, new Map([[whole.end, ACCEPT]]));
}

const isLookahead = (node: RegexNode): boolean => node.kind === 'lookahead';
const looksBack = (node: RegexNode): boolean => node.kind === 'assertion' && node.assertion !== 'end';

/** Emits nodes of which the last one must end where the text ends: only then does a lookahead see all that follows. */
function emitToEnd(nfa: Nfa, nodes: readonly RegexNode[]): Fragment {
  const index = nodes.findIndex((node) => someNode(node, isLookahead));
  if (index < 0) return nfa.sequence(nodes.map((node) => emit(nfa, node)));
  const before = nodes.slice(0, index).map((node) => emit(nfa, node));
  const node = nodes[index];
  const rest = nodes.slice(index + 1);
  switch (node.kind) {
    case 'sequence':
      return emitToEnd(nfa, [...nodes.slice(0, index), ...node.parts, ...rest]);
    case 'choice':
      return nfa.sequence([...before, nfa.choice(node.options.map((option) => emitToEnd(nfa, [option, ...rest])))]);
    case 'lookahead': {
      if ([node.of, ...rest].some((part) => someNode(part, looksBack)))
        throw grammarError('^, \\b or \\B in or after a lookahead cannot be enforced');
      const [ahead, after] = [languageOf([node.of, ANYTHING]), languageOf(rest)];
      return nfa.sequence([...before, embed(nfa, node.negative ? subtract(after, ahead) : intersect(after, ahead))]);
    }
    case 'repeat':
      if (node.min === 1 && node.max === 1) return emitToEnd(nfa, [...nodes.slice(0, index), node.of, ...rest]);
      if (node.max === 1) return nfa.sequence([...before, nfa.choice([emitToEnd(nfa, rest), emitToEnd(nfa, [node.of, ...rest])])]);
      throw grammarError('a lookahead inside a repetition cannot be enforced');
    default:
      return nfa.nothing();
  }
}

function emit(nfa: Nfa, node: RegexNode): Fragment {
  switch (node.kind) {
    case 'set':
      return nfa.set(node.set);
    case 'sequence':
      return nfa.sequence(node.parts.map((part) => emit(nfa, part)));
    case 'choice':
      return nfa.choice(node.options.map((option) => emit(nfa, option)));
    case 'repeat':
      return nfa.repeat(() => emit(nfa, node.of), node.min, node.max);
    case 'assertion':
      return nfa.assertion(node.assertion);
    case 'lookahead':
      return emitToEnd(nfa, [node]);
  }
}
