import { Nfa } from '../automata/nfa.js';
import { grammarError } from '../limits.js';
import { Grammar } from '../machine/grammar.js';
import type { MachineSource } from '../machine/machine.js';
import { RuleMachine } from '../machine/rule-machine.js';
import { emitFreeText } from './free-text.js';
import { triggerDfa } from './trigger-dfa.js';

/** After what a lazy grammar begins: a text, the shortest match of a regular expression, or a token by its id or text. */
export type Trigger = { readonly text: string } | { readonly pattern: string } | { readonly token: number | string };

export interface LazyOptions {
  readonly triggers: readonly Trigger[];
  /** Whether the output must not end before a trigger. Default false. */
  readonly required?: boolean;
  /** Whether free text may follow what the grammar took, and the grammar again after a trigger in it. Default false. */
  readonly again?: boolean;
}

/**
 * A grammar that begins after a trigger: prose or thinking may come first, free of rules but that it is UTF-8. The grammar holds for
 * what follows the trigger, also within the token that completes it. A control token with the text of a trigger is that trigger.
 * @throws StarlingError invalid_grammar
 */
export function lazyGrammar(grammar: Grammar, options: LazyOptions): Grammar {
  const texts = options.triggers.flatMap((trigger) => ('text' in trigger ? [trigger.text] : []));
  const patterns = options.triggers.flatMap((trigger) => ('pattern' in trigger ? [trigger.pattern] : []));
  const tokens = options.triggers.flatMap((trigger) => ('token' in trigger ? [trigger.token] : []));
  if (options.triggers.length === 0) throw grammarError('a lazy grammar needs at least one trigger');
  const dfa = triggerDfa(texts, patterns);
  return new Grammar(
    (budget) => {
      const nfa = new Nfa<MachineSource>();
      const text = emitFreeText(nfa, dfa, texts.length + patterns.length, { tokens, tags: texts });
      const end = nfa.state();
      let inner: ReturnType<MachineSource> | undefined;
      const call = nfa.call(() => (inner ??= grammar.build(budget)));
      for (const state of text.triggered) nfa.link(state, call.start);
      nfa.link(call.end, options.again ? text.start : end);
      if (!options.required) nfa.link(text.free, end);
      if (options.again) nfa.link(call.end, end);
      return new RuleMachine(nfa, { start: text.start, end }, budget);
    },
    [...tokens, ...grammar.tokens],
  );
}
