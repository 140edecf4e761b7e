import preset from '../../jest.preset.js';

export default { ...preset, displayName: 'ai-provider', rootDir: import.meta.dirname };
