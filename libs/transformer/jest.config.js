import preset from '../../jest.preset.js';

export default { ...preset, displayName: 'transformer', rootDir: import.meta.dirname };
