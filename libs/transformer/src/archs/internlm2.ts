import type { Architecture } from '../architecture/architecture.js';
import { llama } from './llama.js';

/** InternLM 2: Llama's blocks under another name. */
export const internlm2: Architecture = { name: 'internlm2', read: llama.read };
