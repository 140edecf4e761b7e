import { atOnce } from '../automata/at-once.js';
import { Nfa, type Fragment } from '../automata/nfa.js';
import { LIMITS, limitError } from '../limits.js';
import { Grammar } from '../machine/grammar.js';
import type { Machine, StateBudget } from '../machine/machine.js';
import type { MachineSource } from '../machine/machine.js';
import { RuleMachine } from '../machine/rule-machine.js';
import { checkSteps, type RuleFacts } from './check-rules.js';
import { nodeDepth, type GbnfNode, type GbnfRules } from './gbnf-node.js';
import { parseSteps } from './parse-gbnf.js';

/** Rules of up to this many states that do not mention themselves become part of the rules that mention them. */
const INLINE_STATES = 400;
/** The same where the rules come to too many states by it: those that are mentioned twice in each other double all the way up. */
const FEW_INLINE_STATES = 50;
/** (states) what all rules that do not become part of others may come to before fewer of them do. */
const GRAMMAR_STATES = 50_000;
/** The same for parts within each other, through all rules that become part: what follows works on parts by recursion. */
const INLINE_DEPTH = 256;
/** Repeated groups that would take more states than this are kept once and called. */
const REPEAT_STATES = 4_000;

/**
 * Compiles a grammar in GBNF, the notation of llama.cpp; the output must follow the rule `root` from beginning to end.
 * @throws StarlingError invalid_grammar: a syntax error (with line and column), an undefined rule, left recursion, a grammar that
 *   can never end, or one that meets a limit (`details.limit`)
 */
export function compileGbnf(text: string): Grammar {
  return atOnce(gbnfSteps(text));
}

/** The same with stops on the way, for whoever shares the thread with others. */
export function* gbnfSteps(text: string): Generator<undefined, Grammar> {
  const rules = yield* parseSteps(text);
  const facts = yield* checkSteps(rules);
  const grammar = new Grammar((budget) => new RuleCompiler(rules, facts, budget).machine('root'), facts.tokens);
  grammar.machine();
  return grammar;
}

class RuleCompiler {
  readonly #rules: GbnfRules;
  readonly #facts: RuleFacts;
  readonly #budget: StateBudget;
  readonly #machines = new Map<GbnfNode, Machine>();
  readonly #sources = new Map<GbnfNode, MachineSource>();
  /** States of the rules that become part of others. */
  readonly #inlineSizes = new Map<string, number>();

  constructor(rules: GbnfRules, facts: RuleFacts, budget: StateBudget) {
    this.#rules = rules;
    this.#facts = facts;
    this.#budget = budget;
    this.#chooseInline(INLINE_STATES);
    if (this.#stateCount() > GRAMMAR_STATES) this.#chooseInline(FEW_INLINE_STATES);
  }

  machine(name: string): Machine {
    return this.#machineOf(this.#rules.get(name)!);
  }

  #machineOf(node: GbnfNode): Machine {
    let machine = this.#machines.get(node);
    if (!machine) {
      const nfa = new Nfa<MachineSource>();
      machine = new RuleMachine(nfa, this.#emit(nfa, node), this.#budget);
      this.#machines.set(node, machine);
    }
    return machine;
  }

  #call(nfa: Nfa<MachineSource>, node: GbnfNode): Fragment {
    let source = this.#sources.get(node);
    if (!source) this.#sources.set(node, (source = () => this.#machineOf(node)));
    return nfa.call(source);
  }

  #emit(nfa: Nfa<MachineSource>, node: GbnfNode): Fragment {
    switch (node.kind) {
      case 'text':
        return nfa.text(node.text);
      case 'set':
        return nfa.set(node.set);
      case 'token':
        return nfa.token(node.edge);
      case 'rule': {
        const rule = this.#rules.get(node.name)!;
        return this.#inlineSizes.has(node.name) ? this.#emit(nfa, rule) : this.#call(nfa, rule);
      }
      case 'sequence':
        return nfa.sequence(node.parts.map((part) => this.#emit(nfa, part)));
      case 'choice':
        return nfa.choice(
          node.options.filter((option) => this.#facts.productive.has(option)).map((option) => this.#emit(nfa, option)),
        );
      case 'repeat': {
        if (!this.#facts.productive.has(node.of)) return nfa.nothing();
        const count = node.max ?? node.min + 1;
        if (count > LIMITS.nfaStates) throw limitError('nfaStates', 'repetitions');
        const apart = count > 1 && count * this.#size(node.of) > REPEAT_STATES && !this.#facts.nullable.has(node.of);
        return nfa.repeat(() => (apart ? this.#call(nfa, node.of) : this.#emit(nfa, node.of)), node.min, node.max);
      }
    }
  }

  /** Decides which rules become part of those that mention them: callees first, so that chains of rules need no recursion. */
  #chooseInline(largest: number): void {
    this.#inlineSizes.clear();
    const depths = new Map<string, number>();
    for (const name of this.#facts.order) {
      if (this.#facts.recursive.has(name)) continue;
      const rule = this.#rules.get(name)!;
      const size = this.#size(rule);
      let depth = 0;
      for (const other of this.#facts.mentions.get(name) ?? []) depth = Math.max(depth, depths.get(other) ?? 0);
      depth += nodeDepth(rule);
      if (size > largest || depth > INLINE_DEPTH) continue;
      this.#inlineSizes.set(name, size);
      depths.set(name, depth);
    }
  }

  /** About how many states the rules take that stay by themselves. */
  #stateCount(): number {
    let count = 0;
    for (const [name, rule] of this.#rules) if (!this.#inlineSizes.has(name)) count += this.#size(rule);
    return count;
  }

  /** About how many states a node takes. */
  #size(node: GbnfNode): number {
    switch (node.kind) {
      case 'text':
        return node.text.length + 1;
      case 'set':
      case 'token':
        return 2;
      case 'rule':
        return this.#inlineSizes.get(node.name) ?? 2;
      case 'sequence':
        return node.parts.reduce((sum, part) => sum + this.#size(part), 0);
      case 'choice':
        return node.options.reduce((sum, option) => sum + this.#size(option), 2);
      case 'repeat':
        return 2 + (node.max ?? node.min + 1) * this.#size(node.of);
    }
  }
}
