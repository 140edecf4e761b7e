import preset from '../../jest.preset.js';

export default { ...preset, displayName: 'scheduler', rootDir: import.meta.dirname };
