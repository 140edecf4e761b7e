import fs from 'node:fs';
import path from 'node:path';
import { golden, readJson } from '../../../../tools/fixtures/fixtures.js';
import type { Architecture } from '../../src/architecture/architecture.js';

const library = path.resolve(import.meta.dirname, '../..');

/** Where the table lies. */
export const tableFile = path.resolve(library, '../../docs/architectures.md');

/** Architectures of which the golden data outside of the repository have a model. */
export const fixtureArchitectures = readJson<readonly string[]>(
  path.join(library, 'test/golden/fixture-architectures.json'),
);

/** How an architecture is tested, as its column says it; empty if it is not. */
function testsOf(name: string, specs: ReadonlyMap<string, string>, inRepository: ReadonlySet<string>): string {
  const named = Array.from(specs)
    .filter(([, text]) => text.includes(`'${name}'`))
    .map(([file]) => `[${file.replace('.spec.ts', '')}](../libs/transformer/test/reference/${file})`);
  return [
    ...(named.length > 0 ? [`scalar evaluation: ${named.join(', ')}`] : []),
    ...(inRepository.has(name)
      ? ['golden results']
      : fixtureArchitectures.includes(name)
        ? ["golden results, where the tests' larger data are"]
        : []),
  ].join('; ');
}

/** `docs/architectures.md`, from the registry and from the tests there are. */
export function architectureTable(architectures: readonly Pick<Architecture, 'families' | 'name'>[]): string {
  const folder = path.join(library, 'test/reference');
  const specs = new Map(
    fs
      .readdirSync(folder)
      .filter((file) => file.endsWith('.spec.ts'))
      .sort()
      .map((file) => [file, fs.readFileSync(path.join(folder, file), 'utf8')]),
  );
  const models = readJson<readonly { readonly name: string }[]>(path.join(golden.models, 'index.json'));
  const inRepository = new Set(
    models.map(({ name }) => readJson<{ readonly arch: string }>(path.join(golden.models, `${name}.json`)).arch),
  );
  const rows = architectures.map(
    ({ name, families }) => `| \`${name}\` | ${families} | ${testsOf(name, specs, inRepository)} |`,
  );
  return `# Architectures

Written by \`npm run docs\` from the declarations in \`libs/transformer/src/archs\` and from the tests; not to be edited by hand. How one is added:
[adding-an-architecture.md](adding-an-architecture.md).

The name is what a file has under \`general.architecture\`. A *scalar evaluation* holds a small random model to plain double-precision arithmetic, to
1e-5 relative to the size of the logits, and then to the same bits in uneven chunks, token by token and beside other sequences. *Golden results* are
logits or vectors of small random models by llama.cpp. *One pass*: of a model that works over its text in many rounds (diffusion) one round is
run. *Text*: what sees or hears is left out.

| Architecture | Models | Tested by |
|---|---|---|
${rows.join('\n')}
`;
}
