import type { AxeResults } from 'axe-core';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const axe = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds that keeps people from using a page: the rule, and the elements. */
export async function axeViolations(page: Page): Promise<[rule: string, elements: string[]][]> {
  await page.evaluate(axe);
  const found = await page.evaluate(
    async () => (await (window as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run()).violations,
  );
  return found.map(({ id, nodes }) => [id, nodes.map(({ html }) => html.slice(0, 200))]);
}
