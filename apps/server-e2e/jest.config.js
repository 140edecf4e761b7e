import preset from '../../jest.preset.js';

export default { ...preset, displayName: 'server-e2e', rootDir: import.meta.dirname };
