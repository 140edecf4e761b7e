import { messageOf } from '@starling/core';

/** The code that the system gave an error, such as `EADDRINUSE`; undefined if it has none. */
export function systemCode(thrown: unknown): string | undefined {
  const code = typeof thrown === 'object' && thrown !== null && 'code' in thrown ? thrown.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

const FILE_PROBLEMS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'there is no such file'],
  ['ENOTDIR', 'a part of its path is not a folder'],
  ['EISDIR', 'this is a folder; expected a file'],
  ['EACCES', 'it may not be read by this user'],
  ['EPERM', 'it may not be read by this user'],
  ['ENAMETOOLONG', 'its name is too long'],
]);

/** Why a file could not be read, in words. */
export const fileProblem = (thrown: unknown): string =>
  FILE_PROBLEMS.get(systemCode(thrown) ?? '') ?? messageOf(thrown);
