import { nearestName, parameterError, type StarlingError } from '@starling/core';

/** The stages that a chain may name, spelled as the parameters are; each with its letter in the short form. */
export const STAGE_LETTERS = {
  penalties: 'e',
  dry: 'd',
  topNSigma: 's',
  topK: 'k',
  typicalP: 'y',
  topP: 'p',
  minP: 'm',
  xtc: 'x',
  temperature: 't',
  adaptiveP: 'a',
  infill: 'i',
} as const;

export type StageName = keyof typeof STAGE_LETTERS;

const NAMES = Object.keys(STAGE_LETTERS) as StageName[];

/** The names of llama-server, which clients of its API and model files use. */
const inSnakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const ALIASES: ReadonlyMap<string, StageName> = new Map([
  ...NAMES.flatMap((name) =>
    [inSnakeCase(name), inSnakeCase(name).replaceAll('_', '-'), name.toLowerCase()].map(
      (alias) => [alias, name] as const,
    ),
  ),
  ['nucleus', 'topP'],
  ['temp', 'temperature'],
  ['typ', 'typicalP'],
  ['typ_p', 'typicalP'],
  ['typ-p', 'typicalP'],
  ['typical', 'typicalP'],
]);

/** Requests may name the biases as a stage; they come first whether they are named or not. */
const LOGIT_BIAS: ReadonlySet<string> = new Set(['logitBias', 'logit_bias']);
const SHOWN_LENGTH = 80;

const BY_LETTER: ReadonlyMap<string, StageName> = new Map(NAMES.map((name) => [STAGE_LETTERS[name], name]));

/** The stage that a name means: as the parameters are spelled, or as llama-server spells it: in any case, with underscores, hyphens or nothing between its words, or by its nickname. */
export function stageNamed(name: string): StageName | undefined {
  return ALIASES.get(name.toLowerCase());
}

/** The stage that a letter of the short form means. */
export function stageLettered(letter: string): StageName | undefined {
  return BY_LETTER.get(letter);
}

/** The names of a client's list that mean no stage; a chain with one of them is refused. `own`: names of user-written stages. */
export function unknownStageNames(samplers: readonly string[] | string, own: readonly string[] = []): string[] {
  const isKnown = typeof samplers === 'string' ? stageLettered : stageNamed;
  return Array.from(samplers).filter(
    (name) => !own.includes(name) && !LOGIT_BIAS.has(name) && isKnown(name) === undefined,
  );
}

/** The name of a stage that is nearest to one that means none, spelled as that is; undefined for names much too long to be one. */
export function nearestStageName(name: string, own: readonly string[] = []): string | undefined {
  const spelled = /[_-]/.test(name) ? NAMES.map(inSnakeCase) : NAMES;
  return nearestName(name, [...spelled, ...own]);
}

/**
 * The stages of a chain, in their order. `own`: names of user-written stages, which come before ours; the biases, which a client may
 * name, have their place before the chain.
 * @throws StarlingError invalid_argument for a name that means no stage, with the nearest one that does in `details.nearest`
 */
export function chainNames(samplers: readonly string[] | string, own: readonly string[]): ChainName[] {
  const isLetters = typeof samplers === 'string';
  return Array.from(samplers).flatMap((name, i): ChainName[] => {
    if (own.includes(name)) return [{ own: name }];
    const known = isLetters ? stageLettered(name) : stageNamed(name);
    if (known !== undefined) return [{ known }];
    if (!isLetters && LOGIT_BIAS.has(name)) return [];
    throw isLetters ? unknownLetter(name, i) : unknownName(name, i, own);
  });
}

/** A stage of ours, or one that the user wrote. */
export type ChainName =
  | { readonly known: StageName; readonly own?: undefined }
  | { readonly known?: undefined; readonly own: string };

/** The stages of a chain by the names that llama-server has for them, as its API shows them. @throws StarlingError as `chainNames` */
export function stagesInSnakeCase(samplers: readonly string[] | string): string[] {
  return chainNames(samplers, []).map(({ known }) => (known === 'typicalP' ? 'typ_p' : inSnakeCase(known!)));
}

function unknownLetter(letter: string, index: number): StarlingError {
  const letters = NAMES.map((name) => `${STAGE_LETTERS[name]} (${name})`).join(', ');
  return parameterError(
    'invalid_argument',
    'samplers',
    `${JSON.stringify(letter)}, at ${index}, is the letter of no stage; the letters are ${letters}`,
    { details: { received: letter, index } },
  );
}

function unknownName(name: string, index: number, own: readonly string[]): StarlingError {
  const nearest = nearestStageName(name, own);
  const shown = JSON.stringify(name.length > SHOWN_LENGTH ? `${name.slice(0, SHOWN_LENGTH)}...` : name);
  const meant =
    nearest === undefined ? `the stages are ${[...NAMES, ...own].join(', ')}` : `the nearest that is: ${nearest}`;
  return parameterError(
    'invalid_argument',
    `samplers[${index}]`,
    `${shown} is not a stage of the sampler chain; ${meant}`,
    { details: { received: shown, nearest } },
  );
}
