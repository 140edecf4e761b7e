// Writes docs/configuration.md and the JSON Schema of the configuration file.
import fs from 'node:fs';
import { configurationDocuments } from './configuration-page.js';

for (const [file, text] of configurationDocuments()) fs.writeFileSync(file, text);
