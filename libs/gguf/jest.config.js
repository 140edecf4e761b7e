import preset from '../../jest.preset.js';

export default { ...preset, displayName: 'gguf', rootDir: import.meta.dirname };
