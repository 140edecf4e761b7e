/**
 * `data` is text between tags. `name`, `string`, `integer` and `float` carry what was written (a string's is unescaped); the text of an
 * operator is its own kind of token.
 */
export interface Token {
  readonly kind:
    | 'data'
    | 'variableBegin'
    | 'variableEnd'
    | 'blockBegin'
    | 'blockEnd'
    | 'name'
    | 'string'
    | 'integer'
    | 'float'
    | 'operator'
    | 'end';
  readonly text: string;
  /** Offset in the source. */
  readonly at: number;
}

export function described(token: Token): string {
  switch (token.kind) {
    case 'end':
      return 'end of template';
    case 'variableEnd':
      return "'}}'";
    case 'blockEnd':
      return "'%}'";
    case 'data':
      return 'template text';
    default:
      return `'${token.text}'`;
  }
}
