import { grammarError } from '../limits.js';
import type { GbnfNode, GbnfRules } from './gbnf-node.js';
import { orderRules, type RuleEdges } from './rule-graph.js';

/** What is known of the rules of a sound grammar. */
export interface RuleFacts {
  /** Parts that some finite text follows; the others must not be used. */
  readonly productive: ReadonlySet<GbnfNode>;
  /** Parts that the empty text follows. */
  readonly nullable: ReadonlySet<GbnfNode>;
  /** Rules that mention themselves, directly or through others. */
  readonly recursive: ReadonlySet<string>;
  /** All rules, each after those that it mentions (where it is not recursive). */
  readonly order: readonly string[];
  readonly mentions: RuleEdges;
  /** Tokens that are named, in rules that are used or not. */
  readonly tokens: readonly (number | string)[];
}

/** Parts that are looked at between two stops. */
const PIECE_PARTS = 512;

/**
 * Refuses what would never end: a root without any finite output, and left recursion (a rule that mentions itself before it has
 * read anything). Takes time linear in the size of the grammar, and stops on the way.
 * @throws StarlingError invalid_grammar
 */
export function* checkSteps(rules: GbnfRules): Generator<undefined, RuleFacts> {
  const tokens = new Set<number | string>();
  const productive = yield* holdingNodes(rules, (node) => {
    if (node.kind === 'token' && node.edge.optional !== true) for (const token of node.edge.tokens) tokens.add(token);
    return node.kind !== 'set' || node.set.length > 0;
  });
  if (!productive.has(rules.get('root')!))
    throw grammarError('the grammar can never end: no finite text follows the rule root', { rule: 'root' });
  const nullable = yield* holdingNodes(rules, (node) => node.kind === 'text' && node.text === '');
  const first = yield* edgesOf(rules, (node, found) => addFirst(node, nullable, found));
  const { cyclic } = yield* orderRules(first);
  for (const name of rules.keys())
    if (cyclic.has(name))
      throw grammarError(
        `the rule ${name} mentions itself before it reads anything (left recursion); write it with * or + instead`,
        { rule: name },
      );
  const mentions = yield* edgesOf(rules, addMentioned);
  const { order, cyclic: recursive } = yield* orderRules(mentions);
  return { productive, nullable, recursive, order, mentions, tokens: [...tokens] };
}

/**
 * The smallest set of parts that hold: texts, sets and tokens that `leaf` says hold, rules that do, sequences of which all parts
 * do, choices of which one does, repetitions of none or of what does. Each part counts what it still needs (Dowling and Gallier,
 * 1984), so that long chains of rules take no longer than short ones.
 */
function* holdingNodes(rules: GbnfRules, leaf: (node: GbnfNode) => boolean): Generator<undefined, Set<GbnfNode>> {
  const holding = new Set<GbnfNode>();
  const needs = new Map<GbnfNode, number>();
  const parents = new Map<GbnfNode, GbnfNode[]>();
  const queue: GbnfNode[] = [];
  const hold = (node: GbnfNode): void => {
    if (holding.has(node)) return;
    holding.add(node);
    queue.push(node);
  };
  const addParent = (child: GbnfNode, parent: GbnfNode): void => {
    const known = parents.get(child);
    if (known) known.push(parent);
    else parents.set(child, [parent]);
  };
  const met = [...rules.values()];
  for (let at = 0; at < met.length; at++) {
    if (at % PIECE_PARTS === 0) yield;
    const node = met[at];
    const children = childrenOf(node);
    for (const child of children) {
      addParent(child, node);
      met.push(child);
    }
    if (node.kind === 'rule') addParent(rules.get(node.name)!, node);
    else if (node.kind === 'text' || node.kind === 'set' || node.kind === 'token') {
      if (leaf(node)) hold(node);
    } else if (node.kind === 'repeat' ? node.min === 0 : children.length === 0) hold(node);
    needs.set(node, node.kind === 'sequence' ? children.length : 1);
  }
  for (let node = queue.pop(), count = 0; node !== undefined; node = queue.pop()) {
    if (++count % PIECE_PARTS === 0) yield;
    for (const parent of parents.get(node) ?? []) {
      const left = needs.get(parent)! - 1;
      needs.set(parent, left);
      if (left === 0) hold(parent);
    }
  }
  return holding;
}

function childrenOf(node: GbnfNode): readonly GbnfNode[] {
  switch (node.kind) {
    case 'sequence':
      return node.parts;
    case 'choice':
      return node.options;
    case 'repeat':
      return [node.of];
    default:
      return [];
  }
}

function* edgesOf(
  rules: GbnfRules,
  add: (node: GbnfNode, found: Set<string>) => void,
): Generator<undefined, RuleEdges> {
  const edges = new Map<string, Set<string>>();
  for (const [name, node] of rules) {
    if (edges.size % PIECE_PARTS === 0) yield;
    const found = new Set<string>();
    add(node, found);
    edges.set(name, found);
  }
  return edges;
}

/** The rules that may stand at the beginning of a part. */
function addFirst(node: GbnfNode, nullable: ReadonlySet<GbnfNode>, found: Set<string>): void {
  if (node.kind === 'rule') found.add(node.name);
  if (node.kind === 'repeat' && node.max === 0) return;
  for (const child of childrenOf(node)) {
    addFirst(child, nullable, found);
    if (node.kind === 'sequence' && !nullable.has(child)) return;
  }
}

function addMentioned(node: GbnfNode, found: Set<string>): void {
  if (node.kind === 'rule') found.add(node.name);
  for (const child of childrenOf(node)) addMentioned(child, found);
}
