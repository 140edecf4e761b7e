/** A vocabulary that comes with the site. */
export interface BundledVocabulary {
  readonly label: string;
  /** Its file, in the site's folder `vocabularies`. */
  readonly file: string;
  /** The name of the golden file that it is taken from; without one it is the demo model's. */
  readonly golden?: string;
}

export const VOCABULARIES: readonly BundledVocabulary[] = [
  { label: "Starling's demo model: byte-level BPE", file: 'starling-demo.gguf' },
  { label: 'A small SentencePiece BPE, as Llama 2 has it', file: 'sentencepiece-bpe.json', golden: 'Llama 2' },
  { label: 'A small Unigram', file: 'unigram.json', golden: 'Unigram with bytes' },
  { label: 'A small WordPiece, as BERT has it', file: 'wordpiece.json', golden: 'WordPiece' },
];
