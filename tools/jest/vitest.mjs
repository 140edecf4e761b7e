// Vitest's functions, which are Jest's under the same names: an example's test for it runs here without it.
export const { afterAll, beforeAll, expect, test } = globalThis;
