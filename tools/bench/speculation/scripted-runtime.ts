import type { SequenceInput, StepOutput } from '@starling/scheduler';
import type { ModelRuntime } from '@starling/transformer';

/** What makes a token the one that is drawn. */
const CERTAIN = 1e6;

/** A model that computes all that it computes, and says a given text: after position p comes token p + 1 of it. For one sequence at a time. */
export class ScriptedRuntime implements ModelRuntime {
  /** Prompt and answer. */
  script: ArrayLike<number> = [];
  /** Rows of all steps so far. */
  rows = 0;
  readonly #inner: ModelRuntime;

  constructor(inner: ModelRuntime) {
    this.#inner = inner;
  }

  get info(): ModelRuntime['info'] {
    return this.#inner.info;
  }
  get pageBytes(): number {
    return this.#inner.pageBytes;
  }
  get stateBytes(): number {
    return this.#inner.stateBytes;
  }

  async step(batch: readonly SequenceInput[]): Promise<StepOutput> {
    const output = await this.#inner.step(batch);
    let row = 0;
    for (const { outputs, startPosition, tokens } of batch) {
      const end = startPosition + tokens.length;
      const rows = outputs === 'all' ? tokens.length : outputs === 'last' ? 1 : 0;
      for (let position = end - rows; position < end; position++, row++)
        output.logits[row * this.info.vocabSize + (this.script[position + 1] ?? 0)] = CERTAIN;
    }
    this.rows += row;
    return output;
  }

  hidden: ModelRuntime['hidden'] = (...args) => this.#inner.hidden(...args);
  pooler: ModelRuntime['pooler'] = (...args) => this.#inner.pooler(...args);
  embed: ModelRuntime['embed'] = (...args) => this.#inner.embed(...args);
  readPage: ModelRuntime['readPage'] = (...args) => this.#inner.readPage(...args);
  writePage: ModelRuntime['writePage'] = (...args) => this.#inner.writePage(...args);
  copyPage: ModelRuntime['copyPage'] = (...args) => this.#inner.copyPage(...args);
  saveState: ModelRuntime['saveState'] = (...args) => this.#inner.saveState(...args);
  loadState: ModelRuntime['loadState'] = (...args) => this.#inner.loadState(...args);
  close: ModelRuntime['close'] = () => this.#inner.close();
}
