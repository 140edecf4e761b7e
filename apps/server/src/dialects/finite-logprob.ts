/** JSON has no infinity; what OpenAI's API has for "impossible", and others after it, is -9999. */
export const finite = (logprob: number): number => (Number.isFinite(logprob) ? logprob : -9999);
