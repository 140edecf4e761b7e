import type { Architecture } from '../architecture/architecture.js';
import { qwen3 } from './qwen3.js';

/** Qwen3 with experts in place of the feed-forward block. */
export const qwen3moe: Architecture = {
  name: 'qwen3moe',
  families: 'Qwen3 with experts, Qwen3 Coder',
  read: qwen3.read,
};
