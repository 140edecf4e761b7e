import { grammarError } from '../limits.js';
import type { GbnfNode, GbnfRules } from './gbnf-node.js';

/** What is known of the rules of a sound grammar. */
export interface RuleFacts {
  /** Rules that at least one output follows; the others must not be used. */
  readonly productive: ReadonlySet<string>;
  /** Rules that mention themselves, directly or through others. */
  readonly recursive: ReadonlySet<string>;
  /** Rules that the empty text follows. */
  readonly nullable: ReadonlySet<string>;
}

/**
 * Refuses what would never end: a root without any finite output, and left recursion (a rule that mentions itself before it has
 * read anything).
 * @throws StarlingError invalid_grammar
 */
export function checkRules(rules: GbnfRules): RuleFacts {
  const productive = growSet(rules, (node, known) => isProductive(node, known));
  if (!productive.has('root')) throw grammarError('the grammar can never end: no finite text follows the rule root', { rule: 'root' });
  const nullable = growSet(rules, (node, known) => isNullable(node, known));
  const first = new Map(Array.from(rules, ([name, node]) => [name, firstRules(node, nullable)]));
  for (const name of rules.keys())
    if (reaches(first, name))
      throw grammarError(`the rule ${name} mentions itself before it reads anything (left recursion); write it with * or + instead`, { rule: name });
  const all = new Map(Array.from(rules, ([name, node]) => [name, mentioned(node)]));
  return { productive, nullable, recursive: new Set([...rules.keys()].filter((name) => reaches(all, name))) };
}

/** The smallest set of rules that the test, given the set so far, holds for. */
function growSet(rules: GbnfRules, test: (node: GbnfNode, known: ReadonlySet<string>) => boolean): Set<string> {
  const known = new Set<string>();
  for (let before = -1; before !== known.size;) {
    before = known.size;
    for (const [name, node] of rules) if (!known.has(name) && test(node, known)) known.add(name);
  }
  return known;
}

/** Whether some finite text follows a node. */
export function isProductive(node: GbnfNode, rules: ReadonlySet<string>): boolean {
  switch (node.kind) {
    case 'text':
    case 'token':
      return true;
    case 'set':
      return node.set.length > 0;
    case 'rule':
      return rules.has(node.name);
    case 'sequence':
      return node.parts.every((part) => isProductive(part, rules));
    case 'choice':
      return node.options.some((option) => isProductive(option, rules));
    case 'repeat':
      return node.min === 0 || isProductive(node.of, rules);
  }
}

/** Whether the empty text follows a node. */
export function isNullable(node: GbnfNode, rules: ReadonlySet<string>): boolean {
  switch (node.kind) {
    case 'text':
      return node.text === '';
    case 'set':
    case 'token':
      return false;
    case 'rule':
      return rules.has(node.name);
    case 'sequence':
      return node.parts.every((part) => isNullable(part, rules));
    case 'choice':
      return node.options.some((option) => isNullable(option, rules));
    case 'repeat':
      return node.min === 0 || isNullable(node.of, rules);
  }
}

/** The rules that may stand at the beginning of a node. */
function firstRules(node: GbnfNode, nullable: ReadonlySet<string>): string[] {
  switch (node.kind) {
    case 'rule':
      return [node.name];
    case 'sequence': {
      const end = node.parts.findIndex((part) => !isNullable(part, nullable));
      return node.parts.slice(0, end < 0 ? undefined : end + 1).flatMap((part) => firstRules(part, nullable));
    }
    case 'choice':
      return node.options.flatMap((option) => firstRules(option, nullable));
    case 'repeat':
      return node.max === 0 ? [] : firstRules(node.of, nullable);
    default:
      return [];
  }
}

function mentioned(node: GbnfNode): string[] {
  switch (node.kind) {
    case 'rule':
      return [node.name];
    case 'sequence':
      return node.parts.flatMap(mentioned);
    case 'choice':
      return node.options.flatMap(mentioned);
    case 'repeat':
      return mentioned(node.of);
    default:
      return [];
  }
}

/** Whether a rule reaches itself over the edges. */
function reaches(edges: ReadonlyMap<string, readonly string[]>, name: string): boolean {
  const met = new Set(edges.get(name));
  for (const other of met) for (const next of edges.get(other) ?? []) met.add(next);
  return met.has(name);
}
