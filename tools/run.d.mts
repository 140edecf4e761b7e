/** The repository's root folder. */
export declare const root: string;
/** The script behind a package's command. */
export declare function binOf(packageName: string, command?: string): string;
/** Runs a Node script in the foreground and gives its exit code. */
export declare function runNode(
  script: string,
  args: readonly string[],
  options?: { nodeFlags?: readonly string[]; env?: Record<string, string>; cwd?: string },
): number;
/** Makes Nx read the workspace, for the lint rule on imports. */
export declare function readProjectGraph(): void;
