export { parseReference, partNames, chooseHubFile, type ModelReference } from './reference.js';
export { parseManifest, type FileManifest } from './manifest.js';
