/** Folders of this machine are the business of those alone who run it. */
export const fileName = (path: string) => path.split(/[\\/]/).at(-1) ?? path;
