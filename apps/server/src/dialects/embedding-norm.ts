/** The way that is used where nobody says another: a length of 1. */
export const DEFAULT_NORM = 2;

/** The largest p: beyond it powers are too large for a number. */
export const MAX_NORM = 64;

/** What the largest element becomes in vectors that are scaled for 16-bit integers. */
const LARGEST = 32760;

/**
 * A vector scaled in one of llama-server's ways: -1 leaves it as it is, 0 makes its largest element 32760, 1 the sum of sizes 1, p beyond that the
 * p-norm 1. Zeros stay zeros.
 */
export function scaled(vector: Float32Array, way: number): Float32Array {
  if (way < 0) return vector;
  const norm =
    way === 0
      ? vector.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / LARGEST
      : vector.reduce((sum, value) => sum + Math.abs(value) ** way, 0) ** (1 / way);
  return norm > 0 ? vector.map((value) => value / norm) : vector;
}
