import type { CodeSet } from '../automata/code-set.js';
import type { TokenEdge } from '../automata/nfa.js';

/** A part of a GBNF rule. */
export type GbnfNode =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'set'; readonly set: CodeSet }
  | { readonly kind: 'token'; readonly edge: TokenEdge }
  | { readonly kind: 'rule'; readonly name: string }
  | { readonly kind: 'sequence'; readonly parts: readonly GbnfNode[] }
  | { readonly kind: 'choice'; readonly options: readonly GbnfNode[] }
  | { readonly kind: 'repeat'; readonly of: GbnfNode; readonly min: number; readonly max?: number };

/** How many parts lie within each other, at most. */
export function nodeDepth(node: GbnfNode): number {
  switch (node.kind) {
    case 'sequence':
      return 1 + deepest(node.parts);
    case 'choice':
      return 1 + deepest(node.options);
    case 'repeat':
      return 1 + nodeDepth(node.of);
    default:
      return 1;
  }
}

function deepest(nodes: readonly GbnfNode[]): number {
  return nodes.reduce((depth, node) => Math.max(depth, nodeDepth(node)), 0);
}

/** The rules of a grammar by name, in the order they are written; `root` is where an output begins. */
export type GbnfRules = ReadonlyMap<string, GbnfNode>;
