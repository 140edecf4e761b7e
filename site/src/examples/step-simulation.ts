import { KvCache } from '@starling/kvcache';
import { Scheduler, StepRunner, type StepMachine, type StepPlan } from '@starling/scheduler';

/** A request of the simulation. */
export interface SimulatedRequest {
  readonly name: string;
  readonly promptTokens: number;
  readonly answerTokens: number;
}

/** What each request had in one step: so many tokens, of its prompt or of its answer. */
export type SimulatedStep = Readonly<Record<string, { readonly tokens: number; readonly kind: 'prompt' | 'decode' }>>;

/** Runs requests that all come at once through the scheduler, on a machine that computes nothing; each is a tenant of its own. */
export async function simulateSteps(
  requests: readonly SimulatedRequest[],
  { maxBatchTokens, maxSequences }: { readonly maxBatchTokens: number; readonly maxSequences: number },
): Promise<SimulatedStep[]> {
  const machine: StepMachine = {
    info: { contextLength: 256, maxBatchTokens, maxSequences },
    step: async (batch) => {
      const rows = batch.filter(({ outputs }) => outputs === 'last').length;
      return { rows, logits: new Float32Array(rows) };
    },
  };
  // Prompts fill what is left of a step, however long steps take on this computer.
  const scheduler = new Scheduler({
    limits: machine.info,
    cache: new KvCache({ pageCount: 256, pageTokens: 4 }),
    queueLimit: 64,
    promptTokensWhileDecoding: maxBatchTokens,
  });
  for (const { name, promptTokens } of requests)
    scheduler.submit({ id: name, tokens: Array.from({ length: promptTokens }, (_, i) => i), tenant: name });
  const steps: SimulatedStep[] = [];
  const runner = new StepRunner(scheduler, machine, {
    onPlan: ({ sequences }: StepPlan) =>
      void steps.push(
        Object.fromEntries(sequences.map(({ sequence, tokens, kind }) => [sequence.id, { tokens, kind }])),
      ),
    takeRow: ({ sequence }) => {
      const { answerTokens } = requests.find(({ name }) => name === sequence.id)!;
      if (sequence.length >= sequence.promptLength + answerTokens) scheduler.finish(sequence);
      else scheduler.append(sequence, 0);
    },
  });
  while (await runner.step());
  return steps;
}
