/** The server's version; the build puts it in. */
export const VERSION = process.env.STARLING_BUILD_VERSION ?? '0.0.0-source';

/** Whether this is no build but the sources themselves, as tests run them. */
export const isFromSources = process.env.STARLING_BUILD_VERSION === undefined;
