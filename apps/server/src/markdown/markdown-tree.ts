/** Text within a line. */
export type Inline =
  | { readonly kind: 'text' | 'code'; readonly text: string }
  | { readonly kind: 'strong' | 'emphasis' | 'deleted'; readonly parts: readonly Inline[] }
  /** Only to web and mail addresses: a model's text reaches nothing else. */
  | { readonly kind: 'link'; readonly href: string; readonly parts: readonly Inline[] }
  | { readonly kind: 'break' };

export type Alignment = 'left' | 'center' | 'right' | undefined;

export interface ListItem {
  readonly blocks: readonly Block[];
  /** Of a task: whether it is done. */
  readonly isChecked?: boolean;
}

export type Block =
  | { readonly kind: 'paragraph'; readonly parts: readonly Inline[] }
  | { readonly kind: 'heading'; readonly level: number; readonly parts: readonly Inline[] }
  | { readonly kind: 'code'; readonly language: string; readonly text: string }
  | { readonly kind: 'quote'; readonly blocks: readonly Block[] }
  | { readonly kind: 'list'; readonly isOrdered: boolean; readonly start: number; readonly items: readonly ListItem[] }
  | {
      readonly kind: 'table';
      readonly alignments: readonly Alignment[];
      readonly header: readonly (readonly Inline[])[];
      readonly rows: readonly (readonly (readonly Inline[])[])[];
    }
  | { readonly kind: 'rule' };

/** A block of the text itself, and the part of the text that it was made of. */
export interface TopBlock {
  readonly source: string;
  readonly block: Block;
}
