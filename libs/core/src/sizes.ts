import { StarlingError, type ErrorDetails } from './error.js';
import type { ErrorCode } from './error-codes.js';

/** Where a size came from, for the message of the error when it is not acceptable. */
export interface SizeContext {
  readonly code: ErrorCode;
  readonly what: string;
  readonly details?: ErrorDetails;
}

/**
 * The product of non-negative integers, exact.
 * @throws StarlingError with the context's code if a factor is not a non-negative safe integer or the product exceeds 2^53 - 1
 */
export function checkedProduct(factors: Iterable<number>, context: SizeContext): number {
  let product = 1;
  for (const factor of factors) {
    if (!Number.isSafeInteger(factor) || factor < 0) throw tooLarge(context, `factor ${factor} is not a size`);
    product *= factor;
    if (product > Number.MAX_SAFE_INTEGER) throw tooLarge(context, 'the product is beyond 2^53 - 1');
  }
  return product;
}

/**
 * The sum of non-negative integers, exact.
 * @throws StarlingError with the context's code if a term is not a non-negative safe integer or the sum exceeds 2^53 - 1
 */
export function checkedSum(terms: Iterable<number>, context: SizeContext): number {
  let sum = 0;
  for (const term of terms) {
    if (!Number.isSafeInteger(term) || term < 0) throw tooLarge(context, `term ${term} is not a size`);
    sum += term;
    if (sum > Number.MAX_SAFE_INTEGER) throw tooLarge(context, 'the sum is beyond 2^53 - 1');
  }
  return sum;
}

/** The smallest multiple of `alignment` (a positive integer) that is not below `value`. */
export function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}

function tooLarge(context: SizeContext, why: string): StarlingError {
  return new StarlingError(context.code, `${context.what}: ${why}`, { details: context.details });
}
