import { ALL_CODES } from '../automata/code-set.js';
import { intersect, subtract } from '../automata/algebra.js';
import { determinize } from '../automata/determinize.js';
import { automaton } from '../automata/compilation.js';
import { ACCEPT, type Dfa } from '../automata/dfa.js';
import { embed } from '../automata/embed.js';
import { Nfa, type Fragment } from '../automata/nfa.js';
import { grammarError, LIMITS, limitError } from '../limits.js';
import { someNode, type RegexNode } from './regex-node.js';

const ANYTHING: RegexNode = { kind: 'repeat', of: { kind: 'set', set: ALL_CODES }, min: 0 };

/**
 * The language of the texts that an expression matches: as a whole (`full`), somewhere inside (`search`, what JSON Schema's
 * `pattern` means), or up to the end (`end`). A lookahead is an intersection of what follows it with its own language, so it must
 * not stand in a repetition.
 * @throws StarlingError invalid_grammar
 */
export function regexDfa(node: RegexNode, match: 'full' | 'search' | 'end'): Dfa {
  const nodes = match === 'full' ? [node] : match === 'end' ? [ANYTHING, node] : [ANYTHING, node, ANYTHING];
  return automaton(() => languageOf(nodes, new LookaheadBudget()));
}

/** Counts what of one expression is worked out for its lookaheads. */
class LookaheadBudget {
  #met = 0;

  spend(): void {
    if (++this.#met > LIMITS.lookaheads)
      throw limitError('lookaheads', 'lookaheads and parts around them, each counted for every way to reach it');
  }
}

/** The language of nodes one after the other, up to the end of the text. */
function languageOf(nodes: readonly RegexNode[], lookaheads: LookaheadBudget): Dfa {
  const nfa = new Nfa();
  const whole = emitToEnd(nfa, nodes, lookaheads);
  return determinize(nfa, whole.start, new Map([[whole.end, ACCEPT]]));
}

const isLookahead = (node: RegexNode): boolean => node.kind === 'lookahead';
const looksBack = (node: RegexNode): boolean => node.kind === 'assertion' && node.assertion !== 'end';

/** Emits nodes of which the last one must end where the text ends: only then does a lookahead see all that follows. */
function emitToEnd(nfa: Nfa, nodes: readonly RegexNode[], lookaheads: LookaheadBudget): Fragment {
  const index = nodes.findIndex((node) => someNode(node, isLookahead));
  if (index < 0) return nfa.sequence(nodes.map((node) => emit(nfa, node, lookaheads)));
  lookaheads.spend();
  const before = nodes.slice(0, index).map((node) => emit(nfa, node, lookaheads));
  const node = nodes[index];
  const rest = nodes.slice(index + 1);
  switch (node.kind) {
    case 'sequence':
      return emitToEnd(nfa, [...nodes.slice(0, index), ...node.parts, ...rest], lookaheads);
    case 'choice':
      return nfa.sequence([
        ...before,
        nfa.choice(node.options.map((option) => emitToEnd(nfa, [option, ...rest], lookaheads))),
      ]);
    case 'lookahead': {
      if ([node.of, ...rest].some((part) => someNode(part, looksBack)))
        throw grammarError('^, \\b or \\B in or after a lookahead cannot be enforced');
      const [ahead, after] = [languageOf([node.of, ANYTHING], lookaheads), languageOf(rest, lookaheads)];
      return nfa.sequence([...before, embed(nfa, node.negative ? subtract(after, ahead) : intersect(after, ahead))]);
    }
    case 'repeat':
      if (node.min === 1 && node.max === 1)
        return emitToEnd(nfa, [...nodes.slice(0, index), node.of, ...rest], lookaheads);
      if (node.max === 1)
        return nfa.sequence([
          ...before,
          nfa.choice([emitToEnd(nfa, rest, lookaheads), emitToEnd(nfa, [node.of, ...rest], lookaheads)]),
        ]);
      throw grammarError('a lookahead inside a repetition cannot be enforced');
    default:
      return nfa.nothing();
  }
}

function emit(nfa: Nfa, node: RegexNode, lookaheads: LookaheadBudget): Fragment {
  switch (node.kind) {
    case 'set':
      return nfa.set(node.set);
    case 'sequence':
      return nfa.sequence(node.parts.map((part) => emit(nfa, part, lookaheads)));
    case 'choice':
      return nfa.choice(node.options.map((option) => emit(nfa, option, lookaheads)));
    case 'repeat':
      return nfa.repeat(() => emit(nfa, node.of, lookaheads), node.min, node.max);
    case 'assertion':
      return nfa.assertion(node.assertion);
    case 'lookahead':
      return emitToEnd(nfa, [node], lookaheads);
  }
}
