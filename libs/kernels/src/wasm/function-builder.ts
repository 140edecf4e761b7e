import { assert } from '@starling/core';
import { ByteSink } from './byte-sink.js';
import { lift, VALUE_TYPE_CODES, type Expr, type Operand, type Statement, type ValueType } from './expression.js';

/** A parameter or local of a function; as an expression it reads its value. */
export class Local<T extends ValueType> implements Expr<T> {
  constructor(
    readonly type: T,
    readonly index: number,
  ) {}

  write(sink: ByteSink): void {
    sink.u8(0x20).u32(this.index);
  }
}

/** The locals of a list of parameter types. */
export type LocalsOf<P extends readonly ValueType[]> = { readonly [I in keyof P]: Local<P[I]> };

/** The operands of a list of parameter types. */
export type OperandsOf<P extends readonly ValueType[]> = { readonly [I in keyof P]: Operand<P[I]> };

/** What a function takes and gives. */
export interface Signature<
  P extends readonly ValueType[] = readonly ValueType[],
  R extends ValueType | undefined = ValueType | undefined,
> {
  readonly params: P;
  readonly result?: R;
}

/** A function of the module that can be called: imported or built. */
export interface FunctionRef<
  P extends readonly ValueType[] = readonly ValueType[],
  R extends ValueType | undefined = ValueType | undefined,
> {
  readonly index: number;
  readonly name: string;
  readonly signature: Signature<P, R>;
}

/** A target of branches: the end of a block, or the start of a loop. */
export interface Label {
  readonly depth: number;
}

const EMPTY_TYPE = 0x40;

/** A call as an expression. */
export function call<P extends readonly ValueType[], R extends ValueType>(
  target: FunctionRef<P, R>,
  ...args: OperandsOf<P>
): Expr<R> {
  const { params, result } = target.signature;
  assert(result !== undefined, `${target.name} gives a value where one is used`);
  return {
    type: result,
    write(sink) {
      params.forEach((type, i) => lift(type, args[i] as Operand<ValueType>).write(sink));
      sink.u8(0x10).u32(target.index);
    },
  };
}

/** Sets a local and gives the value too. */
export function tee<T extends ValueType>(local: Local<T>, value: Operand<T>): Expr<T> {
  return {
    type: local.type,
    write(sink) {
      lift(local.type, value).write(sink);
      sink.u8(0x22).u32(local.index);
    },
  };
}

/**
 * Writes code, statement by statement, in the order of the calls.
 * Control structures take a function that emits what is inside them.
 */
export class CodeBuilder {
  protected readonly code = new ByteSink();
  private readonly localTypes: ValueType[] = [];
  private depth = 0;

  /** @param paramCount locals that are there from the start */
  constructor(private readonly paramCount: number) {}

  /** Declares a local; with `value`, sets it here. Without, it starts as 0 on entry of the function (not of the loop that it stands in). */
  local<T extends ValueType>(type: T, value?: Operand<T>): Local<T> {
    const local = new Local(type, this.paramCount + this.localTypes.length);
    this.localTypes.push(type);
    if (value !== undefined) this.set(local, value);
    return local;
  }

  /** Declares `count` locals of one type. */
  locals<T extends ValueType>(type: T, count: number): Local<T>[] {
    return Array.from({ length: count }, () => this.local(type));
  }

  set<T extends ValueType>(local: Local<T>, value: Operand<T>): void {
    lift(local.type, value).write(this.code);
    this.code.u8(0x21).u32(local.index);
  }

  /** local = local + amount, for addresses and counters. */
  advance(local: Local<'i32'>, amount: Operand<'i32'>): void {
    local.write(this.code);
    lift('i32', amount).write(this.code);
    this.code.u8(0x6a).u8(0x21).u32(local.index);
  }

  /** Emits statements (stores and the like). */
  do(...statements: readonly Statement[]): void {
    for (const statement of statements) statement.write(this.code);
  }

  /** Calls a function; its result, if any, is dropped. */
  call<Q extends readonly ValueType[]>(target: FunctionRef<Q>, ...args: OperandsOf<Q>): void {
    target.signature.params.forEach((type, i) => lift(type, args[i] as Operand<ValueType>).write(this.code));
    this.code.u8(0x10).u32(target.index);
    if (target.signature.result !== undefined) this.code.u8(0x1a);
  }

  /** Emits a block; `branch(label)` leaves it. */
  block(body: (end: Label) => void): void {
    this.structured(0x02, body);
  }

  /** Emits a loop that ends unless the body branches back to its label. */
  loop(body: (again: Label) => void): void {
    this.structured(0x03, body);
  }

  if(condition: Operand<'i32'>, then: () => void, otherwise?: () => void): void {
    lift('i32', condition).write(this.code);
    this.code.u8(0x04).u8(EMPTY_TYPE);
    this.depth++;
    then();
    if (otherwise) {
      this.code.u8(0x05);
      otherwise();
    }
    this.depth--;
    this.code.u8(0x0b);
  }

  branch(label: Label): void {
    this.code.u8(0x0c).u32(this.depth - label.depth);
  }

  branchIf(label: Label, condition: Operand<'i32'>): void {
    lift('i32', condition).write(this.code);
    this.code.u8(0x0d).u32(this.depth - label.depth);
  }

  /** Repeats the body while the condition holds, which is tested first. */
  while(condition: Operand<'i32'>, body: () => void): void {
    this.if(condition, () =>
      this.loop((again) => {
        body();
        this.branchIf(again, condition);
      }),
    );
  }

  /** counter = from; while counter < to (unsigned): body, counter += step. */
  for(counter: Local<'i32'>, from: Operand<'i32'>, to: Operand<'i32'>, step: Operand<'i32'>, body: () => void): void {
    this.set(counter, from);
    const below: Expr<'i32'> = {
      type: 'i32',
      write(sink) {
        counter.write(sink);
        lift('i32', to).write(sink);
        sink.u8(0x49);
      },
    };
    this.while(below, () => {
      body();
      this.advance(counter, step);
    });
  }

  /** Ends the program with a trap: for what cannot happen. */
  unreachable(): void {
    this.code.u8(0x00);
  }

  /** The body in the binary format: locals by runs of one type, code, end. */
  encode(): number[] {
    const runs: { type: ValueType; count: number }[] = [];
    for (const type of this.localTypes) {
      const last = runs.at(-1);
      if (last?.type === type) last.count++;
      else runs.push({ type, count: 1 });
    }
    const body = new ByteSink().u32(runs.length);
    for (const { type, count } of runs) body.u32(count).u8(VALUE_TYPE_CODES[type]);
    return body.raw(this.code.bytes).u8(0x0b).bytes;
  }

  private structured(opcode: number, body: (label: Label) => void): void {
    this.code.u8(opcode).u8(EMPTY_TYPE);
    this.depth++;
    body({ depth: this.depth });
    this.depth--;
    this.code.u8(0x0b);
  }
}

/** Writes the body of one function. */
export class FunctionBuilder<
  P extends readonly ValueType[] = readonly ValueType[],
  R extends ValueType | undefined = ValueType | undefined,
> extends CodeBuilder {
  readonly params: LocalsOf<P>;

  constructor(private readonly signature: Signature<P, R>) {
    super(signature.params.length);
    this.params = signature.params.map((type, index) => new Local(type, index)) as unknown as LocalsOf<P>;
  }

  /** Leaves the function, with its result if it has one. */
  return(...value: R extends ValueType ? [Operand<R>] : []): void {
    this.result(...value);
    this.code.u8(0x0f);
  }

  /** Leaves a value as the function's result: the last thing in a body. */
  result(...value: R extends ValueType ? [Operand<R>] : []): void {
    const type = this.signature.result;
    if (type !== undefined) lift(type, value[0] as Operand<ValueType>).write(this.code);
  }
}
