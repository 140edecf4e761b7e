import fc from 'fast-check';
import { cacheKeyOf, sharedKeyOf, tenantIn, type CacheScope } from './cache-key.js';

const model = { weights: 'w', kvType: 'F16', layout: '32' };

describe('cacheKeyOf', () => {
  it('tells scopes apart whose parts were swapped, joined or left out', () => {
    const scopes: CacheScope[] = [
      { model, tenant: 'a' },
      { model, tenant: 'a', salt: '' },
      { model, tenant: '', salt: 'a' },
      { model, tenant: 'b', salt: 'a' },
      { model, tenant: 'a', salt: 'b' },
      { model, tenant: 'ab' },
      { model, tenant: 'a;salt:1:b', salt: undefined },
      { model, tenant: 'a', adapters: [{ digest: 'b', scale: 1 }] },
      { model, tenant: 'a', adapters: [{ digest: 'b', scale: 0.5 }] },
      {
        model,
        tenant: 'a',
        adapters: [
          { digest: 'b', scale: 1 },
          { digest: 'c', scale: 1 },
        ],
      },
      {
        model,
        tenant: 'a',
        adapters: [
          { digest: 'c', scale: 1 },
          { digest: 'b', scale: 1 },
        ],
      },
      { model: { ...model, weights: 'F16', kvType: 'w' }, tenant: 'a' },
      { model: { ...model, kvType: 'Q8_0' }, tenant: 'a' },
      { model: { ...model, layout: '64' }, tenant: 'a' },
    ];
    expect(new Set(scopes.map(cacheKeyOf)).size).toBe(scopes.length);
  });

  it('gives equal keys to equal scopes only, whatever their characters', () => {
    const text = fc.string({ unit: fc.constantFrom('a', ':', ';', '1', '-'), maxLength: 4 });
    const scope = fc.record({
      tenant: text,
      salt: fc.option(text, { nil: undefined }),
      adapters: fc.array(fc.record({ digest: text, scale: fc.constantFrom(0.5, 1) }), { maxLength: 2 }),
    });
    fc.assert(
      fc.property(scope, scope, (one, other) => {
        const isSame =
          JSON.stringify([one.tenant, one.salt ?? null, one.adapters]) ===
          JSON.stringify([other.tenant, other.salt ?? null, other.adapters]);
        expect(cacheKeyOf({ model, ...one }) === cacheKeyOf({ model, ...other })).toBe(isSame);
        expect(tenantIn(cacheKeyOf({ model, ...one }))).toBe(one.tenant);
        expect([tenantIn(sharedKeyOf({ model, ...one })), tenantIn(one.tenant)]).toEqual([undefined, undefined]);
      }),
    );
  });
});
