import { goldenPipelines } from '../golden.test-support.js';
import { tokenizerFromJson } from './tokenizer-from-json.js';

const { model, steps, pairTexts, tripleTexts, orders, files } = goldenPipelines();
const typeOf = (step: number): string => (steps[step] as { type: string }).type;

describe('steps before a model', () => {
  it.each(orders.map(([order, ids]) => [order.map(typeOf).join(', '), order, ids] as const))(
    'each see what the one before wrote: %s',
    (_name, order, ids) => {
      const tokenizer = tokenizerFromJson({
        model,
        pre_tokenizer: { type: 'Sequence', pretokenizers: order.map((step) => steps[step]) },
      });
      expect((order.length === 2 ? pairTexts : tripleTexts).map((text) => Array.from(tokenizer.encode(text)))).toEqual(
        ids,
      );
    },
  );
});

describe.each(files.map((file) => [file.name, file] as const))(
  'a file of its own kind: %s',
  (_name, { json, rows }) => {
    const tokenizer = tokenizerFromJson(json);

    it('gives the ids of the tokenizers library', () => {
      expect(rows.map(([text]) => Array.from(tokenizer.encode(text, { parseSpecial: true })))).toEqual(
        rows.map(([, ids]) => ids),
      );
    });

    it('decodes to the same text', () => {
      expect(rows.map(([, ids]) => tokenizer.decode(ids))).toEqual(rows.map(([, , decoded]) => decoded));
    });
  },
);
