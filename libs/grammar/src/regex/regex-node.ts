import type { CodeSet } from '../automata/code-set.js';
import type { Assertion } from '../automata/nfa.js';

/** A parsed regular expression. */
export type RegexNode =
  | { readonly kind: 'set'; readonly set: CodeSet }
  | { readonly kind: 'sequence'; readonly parts: readonly RegexNode[] }
  | { readonly kind: 'choice'; readonly options: readonly RegexNode[] }
  | { readonly kind: 'repeat'; readonly of: RegexNode; readonly min: number; readonly max?: number }
  | { readonly kind: 'assertion'; readonly assertion: Assertion }
  | { readonly kind: 'lookahead'; readonly of: RegexNode; readonly negative: boolean };

/** Whether some part of an expression satisfies a test. */
export function someNode(node: RegexNode, test: (node: RegexNode) => boolean): boolean {
  if (test(node)) return true;
  switch (node.kind) {
    case 'sequence':
      return node.parts.some((part) => someNode(part, test));
    case 'choice':
      return node.options.some((option) => someNode(option, test));
    case 'repeat':
    case 'lookahead':
      return someNode(node.of, test);
    default:
      return false;
  }
}
