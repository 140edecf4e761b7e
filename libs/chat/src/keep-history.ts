/** Variables under which templates leave earlier turns as they were, reasoning included, by whatever name: what was computed for them stays of use. */
export const KEEP_HISTORY = {
  preserve_thinking: true,
  clear_thinking: false,
  truncate_history_thinking: false,
  drop_thinking: false,
} as const;
