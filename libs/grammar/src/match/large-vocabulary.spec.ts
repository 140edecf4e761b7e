import { describeWithFixtures } from '../../../../tools/fixtures/fixtures.js';
import { SCHEMAS } from '../../test/schema-cases/request-schemas.js';
import { compileJsonSchema } from '../schema/compile-json-schema.js';
import { tokenize } from './fake-vocabulary.test-support.js';
import { GrammarIndex } from './grammar-index.js';
import { GrammarMatcher } from './grammar-matcher.js';
import { llamaVocabulary } from './llama-vocabulary.test-support.js';
import { maskCount } from './token-mask.js';

describeWithFixtures('schemas of requests on a vocabulary of 128,256 tokens', () => {
  let index: GrammarIndex;
  beforeAll(() => {
    index = new GrammarIndex(llamaVocabulary());
  });

  it('allows in its masks exactly the tokens that are accepted', () => {
    for (const { schema: one, value: instance } of Object.values(SCHEMAS)) {
      const matcher = new GrammarMatcher(compileJsonSchema(one), index);
      const ids = tokenize(index, JSON.stringify(instance, null, 1));
      ids.forEach((id, step) => {
        if (step % 45 === 20) {
          const mask = matcher.mask();
          let accepted = 0;
          for (let other = 0; other < index.vocabulary.size; other++) if (matcher.accepts(other)) accepted++;
          expect(accepted).toBe(maskCount(mask));
        }
        matcher.advance(id);
      });
      expect(matcher.canEnd).toBe(true);
    }
  });

  it('takes characters that are cut across tokens', () => {
    const matcher = new GrammarMatcher(compileJsonSchema({ type: 'string', maxLength: 2 }), index);
    const ids = tokenize(index, '"😀龘"', (choices) => choices - 1);
    expect(ids.length).toBe(9);
    for (const id of ids) matcher.advance(id);
    expect(matcher.isDone).toBe(true);
  });
});
