import { OWN_TEMPLATES } from './own-templates.test-support.js';
import { expectRoundTrip, written } from './round-trip.test-support.js';

describe('what a template of our own writes is read back', () => {
  it.each(Object.entries(OWN_TEMPLATES))('%s', (name, source) => {
    const template = written(source);
    expect(template.parser.readsCalls).toBe(true);
    // Elements named by keys have no null, and tell texts from other values at their first level alone.
    expectRoundTrip(
      template,
      60,
      ({ calls }) =>
        name === 'nested' &&
        calls.some(({ arguments: values }) => Object.values(values).some((value) => typeof value === 'object')),
    );
  });
});
