import { TemplateFailure, type FailureKind } from '../error.js';
import { PyIterable, type Value } from './value.js';

/** Jinja's Undefined: what a missing name, attribute or item is. It prints as nothing and is false; to compute with it is an error. */
export class Undefined extends PyIterable {
  readonly typeName = 'Undefined';

  constructor(
    /** What Jinja says when it is used. */
    readonly message: string,
    readonly kind: FailureKind = 'UndefinedError',
  ) {
    super();
  }

  /** The error of using it. */
  failure(): TemplateFailure {
    return new TemplateFailure(this.kind, this.message);
  }

  override attribute(name: string): Value | undefined {
    // Python's own attributes of objects are looked for by name mangling alone; they are missing in the ordinary way.
    if (name.startsWith('__')) return undefined;
    throw this.failure();
  }

  override *iterate(): Generator<Value, void, undefined> {}

  override size(): number {
    return 0;
  }

  override isTrue(): boolean {
    return false;
  }

  override show(): string {
    return 'Undefined';
  }
}
