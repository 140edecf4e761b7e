import { StarlingError } from '@starling/core';

/**
 * What is said where a token could not be chosen. Looked at then alone: a row that can be chosen by is not searched.
 * @param place whose token: the request, its sample, and how many tokens came before
 */
export function choiceError(
  thrown: unknown,
  logits: Float32Array,
  place: { readonly request: string; readonly sample: number; readonly token: number },
): unknown {
  if (logits.some((logit) => logit > -Infinity) && !logits.some(Number.isNaN)) return thrown;
  return new StarlingError(
    'internal',
    `the model has computed no numbers for token ${place.token} of the answer to request ${place.request}: its file may be damaged, or the memory that it was read into`,
    { details: place, cause: thrown },
  );
}
