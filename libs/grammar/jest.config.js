import preset from '../../jest.preset.js';

export default { ...preset, displayName: 'grammar', rootDir: import.meta.dirname };
