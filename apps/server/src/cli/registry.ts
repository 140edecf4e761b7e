import type { StoredModel } from '@starling/models/node';
import type { Command } from 'commander';
import { columns } from './columns.js';
import { write, type CliIo } from './io.js';
import { showTransfer, storeOf } from './locate-model.js';

/** `starling pull`, `list` and `rm`: the cache folder of models. */
export function registerRegistry(program: Command, io: CliIo): void {
  program
    .command('pull')
    .description('download a model into the cache folder; goes on where an earlier download was cut')
    .argument('<SOURCE>', 'a URL, or hf:OWNER/REPO[:QUANT]')
    .option('--sha256 <HEX>', 'the checksum that the file must have')
    .action(async (source: string, { sha256 }: { readonly sha256?: string }) => {
      const progress = showTransfer(io);
      try {
        const { path } = await storeOf(io).pull(source, { sha256, onProgress: progress.update });
        progress.end();
        await write(io.stdout, `${path}\n`);
      } finally {
        progress.end();
      }
    });
  program
    .command('list')
    .description('list the models of the cache folder')
    .option('--json', 'one JSON array')
    .action(async ({ json }: { readonly json?: boolean }) => {
      const models = await storeOf(io).list();
      await write(io.stdout, json ? `${JSON.stringify(models.map(described))}\n` : table(models));
    });
  program
    .command('rm')
    .description('remove models from the cache folder')
    .argument('<NAME...>', 'names as list shows them')
    .action(async (names: string[]) => {
      const store = storeOf(io);
      for (const name of names) await write(io.stdout, `${(await store.remove(name)).name}\n`);
    });
}

const described = ({ name, path, manifest }: StoredModel) => ({
  name,
  path,
  bytes: manifest.size,
  sha256: manifest.sha256,
  source: manifest.source,
  time: manifest.time,
});

function table(models: readonly StoredModel[]): string {
  return columns(
    models.map(({ name, manifest }) => [
      name,
      `${(manifest.size / 1e6).toFixed(1)} MB`,
      manifest.sha256.slice(0, 12),
      manifest.time.slice(0, 10),
      manifest.source,
    ]),
  )
    .map((line) => `${line}\n`)
    .join('');
}
