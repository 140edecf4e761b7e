/** A sequence whose prompt is not all computed. */
export interface PromptShare {
  /** Prompt tokens left to compute: 1 or more. */
  readonly remaining: number;
  /** Larger goes first. */
  readonly priority: number;
  /** Of one priority, those of a tenant stand together. Default: all are of one. */
  readonly tenant?: string;
}

/**
 * Divides the prompt tokens of one step among the sequences that are still computing their prompt, given in the order of their rank
 * (priority, then the tenant that is owed most, then arrival).
 *
 * Higher priorities take what they can use, and of one priority the tenants that are owed most. Within a tenant the first gets half of the budget at least, so that no long prompt waits
 * for ever; the rest goes to the shortest first, so that short prompts do not wait for long ones. All of the budget is used while there is work for it.
 *
 * @returns tokens for each, in the given order; the sum is min(budget, what all have left)
 */
export function divideBudget(prompts: readonly PromptShare[], budget: number): number[] {
  const shares = new Array<number>(prompts.length).fill(0);
  let left = budget;
  const give = (index: number, limit: number): void => {
    const tokens = Math.min(prompts[index].remaining - shares[index], limit, left);
    shares[index] += tokens;
    left -= tokens;
  };
  const missing = (index: number): number => prompts[index].remaining - shares[index];
  for (let begin = 0; begin < prompts.length && left > 0; ) {
    let end = begin + 1;
    while (
      end < prompts.length &&
      prompts[end].priority === prompts[begin].priority &&
      prompts[end].tenant === prompts[begin].tenant
    )
      end++;
    give(begin, Math.ceil(left / 2));
    const level = Array.from({ length: end - begin }, (_, i) => begin + i);
    for (const index of level.sort((a, b) => missing(a) - missing(b) || a - b)) give(index, left);
    begin = end;
  }
  return shares;
}
