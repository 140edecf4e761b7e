import preset from '../../jest.preset.js';

export default { ...preset, displayName: 'tokenizer', rootDir: import.meta.dirname };
