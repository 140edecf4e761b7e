/** The stages that a chain may name, by their names in requests; each with its letter in the short form. */
export const STAGE_LETTERS = {
  penalties: 'e',
  dry: 'd',
  top_n_sigma: 's',
  top_k: 'k',
  typ_p: 'y',
  top_p: 'p',
  min_p: 'm',
  xtc: 'x',
  temperature: 't',
  adaptive_p: 'a',
  infill: 'i',
} as const;

export type StageName = keyof typeof STAGE_LETTERS;

const NAMES = Object.keys(STAGE_LETTERS) as StageName[];

const ALIASES: ReadonlyMap<string, StageName> = new Map([
  ...NAMES.flatMap((name) => [name, name.replaceAll('_', '-'), name.replaceAll('_', '')].map((alias) => [alias, name] as const)),
  ['nucleus', 'top_p'],
  ['temp', 'temperature'],
  ['typ', 'typ_p'],
  ['typical_p', 'typ_p'],
  ['typical-p', 'typ_p'],
  ['typical', 'typ_p'],
]);

const BY_LETTER: ReadonlyMap<string, StageName> = new Map(NAMES.map((name) => [STAGE_LETTERS[name], name]));

/** The stage that a name means: in any case, with underscores, hyphens or nothing between its words, or by its nickname. */
export function stageNamed(name: string): StageName | undefined {
  return ALIASES.get(name.toLowerCase());
}

/** The stage that a letter of the short form means. */
export function stageLettered(letter: string): StageName | undefined {
  return BY_LETTER.get(letter);
}

/** The names of a client's list that mean no stage, so that it can be told; the chain leaves them out. `own`: names of user-written stages. */
export function unknownStageNames(samplers: readonly string[] | string, own: readonly string[] = []): string[] {
  const isKnown = typeof samplers === 'string' ? stageLettered : stageNamed;
  return Array.from(samplers).filter((name) => !own.includes(name) && name !== 'logit_bias' && isKnown(name) === undefined);
}
