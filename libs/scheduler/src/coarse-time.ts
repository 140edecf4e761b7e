/**
 * Milliseconds that depend on other tenants' work, as a tenant may be told of them: whole seconds, rounded up to a power of two, so that they
 * say little of how much that work is.
 */
export function coarseMs(ms: number): number {
  return 1000 * 2 ** Math.ceil(Math.log2(Math.max(1, ms / 1000)));
}
