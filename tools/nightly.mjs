// Runs the model-based tests (`*-model.spec.ts`), the fuzz tests (`*fuzz.spec.ts`), the chats of the engine's `golden.spec.ts`, those of coding agents and a crowd of unread streams for much longer than `npm test` does, with draws of their own; further arguments go to the test command.
process.env.STARLING_PROPERTY_RUNS ??= '10000';
process.env.STARLING_PROPERTY_STEPS ??= '200';
process.env.STARLING_FUZZ_CASES ??= '200000';
process.env.STARLING_FUZZ_REQUESTS ??= '100000';
process.env.STARLING_SEED ??= String(Date.now() % 0x7fffffff);
console.error(`STARLING_SEED=${process.env.STARLING_SEED}`);
process.argv.push('--testPathPatterns', '(-model|fuzz|engine/src/golden|coding-agents|unread-streams)\\.spec');
await import('./test.mjs');
