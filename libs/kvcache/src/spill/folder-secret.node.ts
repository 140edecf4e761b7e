import { randomBytes, randomUUID } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { StarlingError } from '@starling/core';

/** What keys are made with, so that names in a folder tell nobody whose they are. */
const SECRET_FILE = 'secret';
const SECRET_BYTES = 32;
/** Others that open the folder at the same moment may have a secret in hand for a moment: then it is looked for again. */
const ATTEMPTS = 10;

/**
 * The folder's secret, made when it is first opened: of several processes that open it together, all have the same. A file that is none is
 * replaced: what was stored under it is then found by nobody, and goes by its age.
 * @throws errors of the file system
 */
export async function secretOf(folder: string): Promise<Uint8Array> {
  const file = path.join(folder, SECRET_FILE);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const secret = (await readSecret(file)) ?? (await madeSecret(file));
    if (secret) return secret;
  }
  throw new StarlingError(
    'file_not_found',
    `${file} cannot be read again after it was written: have nothing else write to the folder`,
    { details: { file } },
  );
}

/** Puts a secret there unless there is one; undefined: somebody else has it in hand. */
async function madeSecret(file: string): Promise<Uint8Array | undefined> {
  const temporary = `${file}.${randomUUID()}`;
  await fs.writeFile(temporary, randomBytes(SECRET_BYTES), { mode: 0o600 });
  try {
    await setAside(file);
    // Whoever comes first gives it; where files have but one name, whoever comes last.
    await fs.link(temporary, file).catch(async ({ code }: NodeJS.ErrnoException) => {
      if (code !== 'EEXIST') await fs.rename(temporary, file);
    });
  } finally {
    await fs.rm(temporary, { force: true });
  }
  return readSecret(file);
}

/** Takes away what is no secret. If somebody put one there meanwhile it stays. */
async function setAside(file: string): Promise<void> {
  if ((await readSecret(file)) !== undefined) return;
  const aside = `${file}.${randomUUID()}`;
  try {
    await fs.rename(file, aside);
  } catch {
    return;
  }
  if ((await readSecret(aside)) !== undefined) await fs.link(aside, file).catch(() => undefined);
  await fs.rm(aside, { force: true, recursive: true });
}

async function readSecret(file: string): Promise<Uint8Array | undefined> {
  const found = await fs.stat(file).catch(() => undefined);
  // Looked at before it is opened: opening a pipe would wait for its other end.
  const bytes =
    found?.isFile() === true && found.size === SECRET_BYTES
      ? await fs.readFile(file).catch(() => undefined)
      : undefined;
  return bytes?.length === SECRET_BYTES ? bytes : undefined;
}
