/** Libraries whose README's example says nothing that a page could not run: it is run as it stands, by a press of a button. */
export const RUNNABLE = ['ai-provider', 'core', 'engine', 'kernels', 'telemetry', 'transformer'] as const;

/** The first example of a README as a module whose `run` writes to a console of the page's; undefined if there is none. */
export function exampleModule(readme: string): string | undefined {
  const code = /^```ts\n([\s\S]*?)^```/m.exec(readme)?.[1];
  if (code === undefined) return undefined;
  const imports: string[] = [];
  const body = code.replace(/^import[\s\S]*?from '[^']+';\n/gm, (statement) => {
    imports.push(statement);
    return '';
  });
  return `${imports.join('')}\nexport async function run(console: { log(...values: unknown[]): void }): Promise<void> {\n${body}}\n`;
}
