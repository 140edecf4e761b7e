/** Logits this far below the greatest add nothing that matters: together with the size of a vocabulary, less than a percent. */
const NEGLIGIBLE = 16;

/** The token that a row of logits makes likeliest, and how likely that is at temperature 1, 0 to 1. Undefined for a row without a greatest number. */
export function likeliest(logits: Float32Array): { readonly id: number; readonly chance: number } | undefined {
  let id = -1;
  let greatest = -Infinity;
  for (let i = 0; i < logits.length; i++) {
    if (logits[i] > greatest) {
      greatest = logits[i];
      id = i;
    }
  }
  if (id < 0) return undefined;
  let sum = 0;
  for (let i = 0; i < logits.length; i++) {
    const below = greatest - logits[i];
    if (below < NEGLIGIBLE) sum += Math.exp(-below);
  }
  return { id, chance: 1 / sum };
}
