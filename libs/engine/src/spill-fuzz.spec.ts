import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DiskSpillStore } from '@starling/kvcache/node';
import type { SpillEvent } from '@starling/kvcache';
import { fakeModel, type FakeModel, type FakeModelSetUp } from '../test/fake-model.js';
import type { LanguageModel } from './language-model.js';

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-spill-'));
afterAll(() => fs.rmSync(root, { recursive: true }));

const newFolder = (): string => fs.mkdtempSync(path.join(root, 'kv-'));

/** A process with a folder for its spilled pages. */
async function start(
  folder: string,
  set: FakeModelSetUp = {},
): Promise<FakeModel & { readonly store: DiskSpillStore; readonly told: SpillEvent[] }> {
  const told: SpillEvent[] = [];
  const store = await DiskSpillStore.open({ folder, limitBytes: 1e7 }, (event) => told.push(event));
  const fake = fakeModel({
    spillStore: store,
    ...set,
    info: { pageTokens: 4, pageCount: 64, contextLength: 256, ...set.info },
  });
  await fake.model.openSessions();
  return { ...fake, store, told };
}

const prompt = 'abcdefghijk';
const ask = async (model: LanguageModel, more = {}) => {
  const { tokens, usage } = await model.generate({ prompt, temperature: 0, maxTokens: 4, ...more }).result();
  return { tokens: [...tokens], cached: usage.cachedTokens };
};

/** All bytes in the nightly run; else those of the header's fixed part, and of the rest every eleventh. */
const isWhole = process.env.STARLING_FUZZ_CASES !== undefined;
const FIXED_BYTES = 128;
/** Each byte is the start of a process. */
const WHOLE_LIMIT_MS = isWhole ? 3_600_000 : 60_000;

describe.each([false, true])('a flipped bit in a spilled file (recurrent layers: %s)', (hasRecurrentState) => {
  it(
    'never changes an answer, at whatever byte',
    async () => {
      const folder = newFolder();
      const set = { info: { hasRecurrentState } };
      const { model } = await start(folder, set);
      const right = await ask(model);
      await ask(model, { sessionId: 's' });
      await model.close();
      const files = fs
        .readdirSync(folder)
        .map((name) => ({ file: path.join(folder, name), bytes: fs.readFileSync(path.join(folder, name)) }));
      expect(files.length).toBeGreaterThanOrEqual(3);
      let [used, dropped] = [0, 0];
      for (const { file, bytes } of files) {
        for (let at = 0; at < bytes.length; at++) {
          if (!isWhole && at >= FIXED_BYTES && at % 11 !== 0) continue;
          for (const other of files) fs.writeFileSync(other.file, other.bytes);
          const damaged = Buffer.from(bytes);
          damaged[at] ^= 1 << ((at * 5) % 8);
          fs.writeFileSync(file, damaged);
          const next = await start(folder, set);
          const again = await ask(next.model);
          expect(again.tokens).toEqual(right.tokens);
          if (again.cached > 0) used++;
          await ask(next.model, { prompt: undefined, sessionId: 's' }).catch((error: unknown) =>
            expect(error).toMatchObject({ code: 'invalid_request' }),
          );
          await next.model.close({ drain: false });
          if (next.told.some(({ kind }) => kind === 'dropped')) dropped++;
          for (const name of fs.readdirSync(folder)) fs.rmSync(path.join(folder, name));
        }
      }
      // A damaged session leaves the pages of its prompt as they are.
      expect(used).toBeGreaterThan(0);
      expect(dropped).toBeGreaterThan(0);
    },
    WHOLE_LIMIT_MS,
  );
});

describe('a disk', () => {
  type Write = (
    bytes: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ) => Promise<{ readonly bytesWritten: number }>;
  let restore = (): void => undefined;
  afterEach(() => restore());

  /** Has every write to a file go through `fault`. */
  async function breakWrites(
    fault: (write: () => ReturnType<Write>, bytes: Uint8Array) => ReturnType<Write>,
  ): Promise<void> {
    const handle = await fs.promises.open(path.join(root, 'probe'), 'w');
    await handle.close();
    const prototype = Object.getPrototypeOf(handle) as { write: Write };
    const own = prototype.write;
    prototype.write = function (this: fs.promises.FileHandle, bytes: Uint8Array, ...rest: [number, number, number]) {
      return fault(() => own.call(this, bytes, ...rest), bytes);
    };
    restore = () => (prototype.write = own);
  }

  /** More prompts than memory has room for, so that all the time something is to be stored. */
  async function churn(model: LanguageModel): Promise<void> {
    for (const letter of 'pqrstu')
      expect((await ask(model, { prompt: letter.repeat(100), sessionId: letter })).tokens).toHaveLength(4);
  }

  it('that is full costs no request, and is told of', async () => {
    const { model, told } = await start(newFolder());
    let left = 2000;
    await breakWrites((write, bytes) =>
      (left -= bytes.length) < 0
        ? Promise.reject(Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }))
        : write(),
    );
    await churn(model);
    await model.close();
    expect(told).toContainEqual({ kind: 'spill_failed', message: expect.stringContaining('ENOSPC') as string });
  });

  it('that says it has written what it has not is found out: the prompts are computed again', async () => {
    const folder = newFolder();
    const { model } = await start(folder);
    let count = 0;
    await breakWrites(async (write, bytes) => {
      // Nothing, all, half, or zeros.
      const what = count++ % 4;
      if (what === 0) return { bytesWritten: bytes.length };
      if (what === 3) bytes = new Uint8Array(bytes.length);
      await write();
      return { bytesWritten: bytes.length };
    });
    const right = new Map<string, number[]>();
    for (const letter of 'pqrstu')
      right.set(letter, (await ask(model, { prompt: letter.repeat(60), sessionId: letter })).tokens);
    await model.close();
    restore();
    const next = await start(folder);
    for (const [letter, tokens] of right)
      expect((await ask(next.model, { prompt: letter.repeat(60) })).tokens).toEqual(tokens);
    expect(next.told.some(({ kind }) => kind === 'dropped')).toBe(true);
    await next.model.close();
  });

  it('that never answers holds up neither requests nor the end', async () => {
    const folder = newFolder();
    const before = await start(folder);
    const right = await ask(before.model, { prompt: 'p'.repeat(100) });
    await before.model.close();
    const { model, store, events } = await start(folder, { spillPatienceMs: 20 });
    const never = new Promise<never>(() => undefined);
    store.get = () => never;
    store.put = () => never;
    store.delete = () => never;
    const again = await ask(model, { prompt: 'p'.repeat(100) });
    expect(again).toEqual({ ...right, cached: 0 });
    await churn(model);
    model.sessionsOf().close('q');
    await model.close();
    expect(new Set(events.flatMap((event) => (event.kind === 'storage_late' ? [event.work] : [])))).toEqual(
      new Set(['read', 'write']),
    );
  });
});
