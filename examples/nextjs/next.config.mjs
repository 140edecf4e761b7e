// What starts threads from files of its own is imported as it is, and not bundled.
export default { serverExternalPackages: ['@starling/engine', '@starling/server'] };
