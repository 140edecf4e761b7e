import type { Architecture } from '../architecture/architecture.js';
import { sequentialOf } from '../architecture/sequential.js';

/** Llama and what goes by its name: Mistral, Mixtral (with experts), TinyLlama, SmolLM, Yi and others. */
export const llama: Architecture = {
  name: 'llama',
  families:
    'Llama 1 to 3.3, Mistral, Mixtral, Yi, DeepSeek LLM and Coder, TinyLlama, SmolLM 1 and 2, Solar, and others of its form',
  read: (reader) => sequentialOf(reader, { norm: 'rms', rope: 'pairs', factors: 'byScaling' }),
};
