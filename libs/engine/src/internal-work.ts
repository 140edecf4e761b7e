/**
 * Whose work it is that nobody asked for: what is computed ahead, or for all. It shares with no caller: neither their limits nor their part of the time.
 * No caller is called so.
 */
export const INTERNAL_TENANT = '\u0000internal';
