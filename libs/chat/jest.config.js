import preset from '../../jest.preset.js';

export default { ...preset, displayName: 'chat', rootDir: import.meta.dirname };
