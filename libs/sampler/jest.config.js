import preset from '../../jest.preset.js';

export default { ...preset, displayName: 'sampler', rootDir: import.meta.dirname };
