import preset from '../../jest.preset.js';

export default { ...preset, displayName: 'kvcache', rootDir: import.meta.dirname };
