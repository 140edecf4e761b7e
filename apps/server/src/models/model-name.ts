import { printable } from '@starling/core';

/** What a file's model is called: the file's name without its ending and the number of its part; what does something to a terminal is escaped. */
export function modelName(file: string): string {
  const base = file.split(/[\\/]/).at(-1) ?? file;
  return printable(base.replace(/\.gguf$/i, '').replace(/-\d{5}-of-\d{5}$/, ''));
}

/** `claude-*` fits all names that begin so; others fit themselves. */
export const fits = (alias: string, name: string): boolean =>
  alias.endsWith('*') ? name.startsWith(alias.slice(0, -1)) : alias === name;
