import { registerInspect } from './inspect.js';
import type { RegisterCommand } from './program.js';
import { registerTokenize } from './tokenize.js';

/** Every command, in the order of the help. */
export const COMMANDS: readonly RegisterCommand[] = [registerTokenize, registerInspect];
