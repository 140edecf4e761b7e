import type { SpecialTokensDraft } from '../vocabulary/special-tokens.js';
import type { Family } from './families.js';
import type { MetadataReader } from './metadata-reader.js';

/** Role and the metadata key that names its token; of several keys the last one there counts. */
const KEYS = [
  ['bos', 'bos_token_id'],
  ['eos', 'eos_token_id'],
  ['eot', 'eot_token_id'],
  ['eom', 'eom_token_id'],
  ['unk', 'unknown_token_id'],
  ['sep', 'seperator_token_id'],
  ['pad', 'padding_token_id'],
  ['cls', 'cls_token_id'],
  ['mask', 'mask_token_id'],
  ['fimPrefix', 'fim_pre_token_id'],
  ['fimSuffix', 'fim_suf_token_id'],
  ['fimMiddle', 'fim_mid_token_id'],
  ['fimPad', 'fim_pad_token_id'],
  ['fimRepo', 'fim_rep_token_id'],
  ['fimSeparator', 'fim_sep_token_id'],
  ['fimPrefix', 'prefix_token_id'],
  ['fimSuffix', 'suffix_token_id'],
  ['fimMiddle', 'middle_token_id'],
] as const;

/** The special tokens that the metadata names, over the defaults of the family; ids outside of the vocabulary are passed over. */
export function readSpecialTokens(reader: MetadataReader, family: Family, vocabSize: number): SpecialTokensDraft {
  const draft: SpecialTokensDraft = { ...family.defaults };
  for (const [role, key] of KEYS) {
    if ((draft[role] ?? 0) >= vocabSize) draft[role] = undefined;
    const id = reader.integer(`tokenizer.ggml.${key}`);
    if (id !== undefined && id >= 0 && id < vocabSize) draft[role] = id;
  }
  draft.addBos = reader.boolean('tokenizer.ggml.add_bos_token') ?? draft.addBos;
  draft.addEos = reader.boolean('tokenizer.ggml.add_eos_token') ?? draft.addEos;
  draft.addSep = reader.boolean('tokenizer.ggml.add_sep_token') ?? draft.addSep;
  if (family.forcesBos) draft.addBos = true;
  return draft;
}
