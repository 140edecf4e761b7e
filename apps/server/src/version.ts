/** The server's version; the build puts it in. */
export const VERSION = process.env.STARLING_BUILD_VERSION ?? '0.0.0-source';
