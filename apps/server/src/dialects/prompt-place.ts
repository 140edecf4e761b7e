import { isStarlingError, renamedParameter } from '@starling/core';

/** A place in the one prompt that the engine is given, or in one of its inputs. */
const ENGINE_PLACE = /^(?:tokens|input\[(\d+)\])\[(\d+)\]$/;

/** Where a body has a token of its prompts: in a field that is one prompt, or in a list of them. */
export function placeIn(
  field: string,
  given: unknown,
  prompts: readonly unknown[],
): (token: number, prompt: number) => string {
  return (token, prompt) => (prompts[0] === given ? `${field}[${token}]` : `${field}[${prompt}][${token}]`);
}

/**
 * Does something with prompts of a body. An id that is refused is named where the body has it.
 * @param placeOf the path in the body of a token by its number, and the number of its prompt if the engine was given several
 */
export async function withPlaces<Result>(
  placeOf: (token: number, prompt: number) => string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!isStarlingError(error)) throw error;
    const place = ENGINE_PLACE.exec(String(error.details.param));
    throw place === null ? error : renamedParameter(error, placeOf(Number(place[2]), Number(place[1])));
  }
}
