import { Nfa, type Fragment } from '../automata/nfa.js';
import { LIMITS, limitError } from '../limits.js';
import { Grammar } from '../machine/grammar.js';
import type { Machine, StateBudget } from '../machine/machine.js';
import { RuleMachine, type MachineSource } from '../machine/rule-machine.js';
import { checkRules, isNullable, isProductive, type RuleFacts } from './check-rules.js';
import type { GbnfNode, GbnfRules } from './gbnf-node.js';
import { parseGbnf } from './parse-gbnf.js';

/** Rules of up to this many states that do not mention themselves become part of the rules that mention them. */
const INLINE_STATES = 400;
/** Repeated groups that would take more states than this are kept once and called. */
const REPEAT_STATES = 4_000;

/**
 * Compiles a grammar in GBNF, the notation of llama.cpp; the output must follow the rule `root` from beginning to end.
 * @throws StarlingError invalid_grammar: a syntax error (with line and column), an undefined rule, left recursion, a grammar that
 *   can never end, or one that meets a limit (`details.limit`)
 */
export function compileGbnf(text: string): Grammar {
  const rules = parseGbnf(text);
  const facts = checkRules(rules);
  const grammar = new Grammar((budget) => new RuleCompiler(rules, facts, budget).machine('root'));
  grammar.machine();
  return grammar;
}

class RuleCompiler {
  readonly #rules: GbnfRules;
  readonly #facts: RuleFacts;
  readonly #budget: StateBudget;
  readonly #machines = new Map<GbnfNode, Machine>();
  readonly #sources = new Map<GbnfNode, MachineSource>();
  readonly #sizes = new Map<string, number>();

  constructor(rules: GbnfRules, facts: RuleFacts, budget: StateBudget) {
    this.#rules = rules;
    this.#facts = facts;
    this.#budget = budget;
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
        return this.#isInline(node.name) ? this.#emit(nfa, rule) : this.#call(nfa, rule);
      }
      case 'sequence':
        return nfa.sequence(node.parts.map((part) => this.#emit(nfa, part)));
      case 'choice':
        return nfa.choice(node.options.filter((option) => this.#isProductive(option)).map((option) => this.#emit(nfa, option)));
      case 'repeat': {
        if (!this.#isProductive(node.of)) return nfa.nothing();
        const count = node.max ?? node.min + 1;
        if (count > LIMITS.nfaStates) throw limitError('nfaStates', 'repetitions');
        const apart = count > 1 && count * this.#size(node.of) > REPEAT_STATES && !isNullable(node.of, this.#facts.nullable);
        return nfa.repeat(() => (apart ? this.#call(nfa, node.of) : this.#emit(nfa, node.of)), node.min, node.max);
      }
    }
  }

  #isProductive(node: GbnfNode): boolean {
    return isProductive(node, this.#facts.productive);
  }

  #isInline(name: string): boolean {
    return !this.#facts.recursive.has(name) && this.#ruleSize(name) <= INLINE_STATES;
  }

  #ruleSize(name: string): number {
    let size = this.#sizes.get(name);
    if (size === undefined) this.#sizes.set(name, (size = this.#size(this.#rules.get(name)!)));
    return size;
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
        return this.#isInline(node.name) ? this.#ruleSize(node.name) : 2;
      case 'sequence':
        return node.parts.reduce((sum, part) => sum + this.#size(part), 0);
      case 'choice':
        return node.options.reduce((sum, option) => sum + this.#size(option), 2);
      case 'repeat':
        return 2 + (node.max ?? node.min + 1) * this.#size(node.of);
    }
  }
}
