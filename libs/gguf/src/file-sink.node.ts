import fs from 'node:fs/promises';
import path from 'node:path';
import { randomUUID } from 'node:crypto';
import { StarlingError, messageOf } from '@starling/core';
import type { ByteSink } from './writer.js';

/**
 * Writes a file so that its name never stands for half of it: the bytes go to a file beside it, which takes the name once `write` is
 * done and everything is on disk. If `write` fails, nothing is left behind and a file that had the name stays as it was.
 * @throws StarlingError invalid_argument if there can be no file of this name; and what `write` throws
 */
export async function writeFileWhole(file: string, write: (sink: ByteSink) => Promise<void>): Promise<void> {
  const partial = path.join(path.dirname(file), `.${path.basename(file)}.${randomUUID()}.partial`);
  const handle = await fs.open(partial, 'wx').catch((cause: unknown) => {
    throw new StarlingError('invalid_argument', `${file}: cannot be written (${messageOf(cause)})`, {
      details: { file },
      cause,
    });
  });
  try {
    await write({
      async write(bytes) {
        for (let done = 0; done < bytes.length; ) done += (await handle.write(bytes, done)).bytesWritten;
      },
    });
    await handle.sync();
    await handle.close();
    await fs.rename(partial, file);
  } catch (error) {
    await handle.close();
    await fs.rm(partial, { force: true });
    throw error;
  }
}
