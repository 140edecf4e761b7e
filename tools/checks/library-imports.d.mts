export declare const libraryImports: Readonly<Record<string, readonly string[]>>;
