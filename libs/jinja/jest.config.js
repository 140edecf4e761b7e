import preset from '../../jest.preset.js';

export default { ...preset, displayName: 'jinja', rootDir: import.meta.dirname };
