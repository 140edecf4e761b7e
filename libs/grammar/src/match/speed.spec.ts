import { describeWithFixtures } from '../../../../tools/fixtures/fixtures.js';
import { SCHEMAS } from '../schema/cases/request-schemas.js';
import { compileJsonSchema } from '../schema/compile-json-schema.js';
import { tokenize } from './fake-vocabulary.test-support.js';
import { GrammarIndex } from './grammar-index.js';
import { GrammarMatcher } from './grammar-matcher.js';
import { llamaVocabulary } from './llama-vocabulary.test-support.js';
import { maskAllows, maskCount } from './token-mask.js';

function timed(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

describeWithFixtures('a schema of 20 properties on a vocabulary of 128,256 tokens', () => {
  let index: GrammarIndex;
  beforeAll(() => {
    index = new GrammarIndex(llamaVocabulary());
  });
  const { schema, value } = SCHEMAS.twentyProperties;

  it('gives its first mask in less than 50 ms', () => {
    const times = Array.from({ length: 3 }, () => {
      const matcher = new GrammarMatcher(compileJsonSchema(schema), index);
      return timed(() => matcher.mask());
    });
    expect(Math.min(...times)).toBeLessThan(50);
  });

  it('costs less than 1 ms a step in the median, with a full mask at each step as without', () => {
    const ids = tokenize(index, JSON.stringify(value));
    for (const withMask of [false, true]) {
      const matcher = new GrammarMatcher(compileJsonSchema(schema), index);
      const times = ids.map((id) =>
        timed(() => {
          expect(withMask ? maskAllows(matcher.mask(), id) : matcher.accepts(id)).toBe(true);
          matcher.advance(id);
        }),
      );
      expect(matcher.canEnd).toBe(true);
      expect(times.sort((a, b) => a - b)[times.length >> 1]).toBeLessThan(1);
    }
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
