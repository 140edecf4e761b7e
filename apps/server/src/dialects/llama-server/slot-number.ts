import { parameterError } from '@starling/core';
import type { ServedModel } from '../../parts.js';

/**
 * Holds the number of a slot to those that a model has.
 * @param given the number as it was written
 * @throws StarlingError invalid_request
 */
export function checkSlot(slot: number, { info: { maxSequences } }: ServedModel, given: number | string = slot): void {
  if (slot >= maxSequences)
    throw parameterError('invalid_request', 'id_slot', `must be one of 0 to ${maxSequences - 1}, not ${given}`);
}
