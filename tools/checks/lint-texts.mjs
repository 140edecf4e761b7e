// Lints texts as if they stood in the named files: reads [{ file, text }] as JSON from stdin, writes the rule ids of each to the file named as argument.
import { ESLint } from 'eslint';
import fs from 'node:fs';
import { readProjectGraph, root } from '../run.mjs';

readProjectGraph();
const eslint = new ESLint({ cwd: root });
const rules = [];
for (const { file, text } of JSON.parse(fs.readFileSync(0, 'utf8'))) {
  const [result] = await eslint.lintText(text, { filePath: file });
  rules.push(result.messages.map((message) => message.ruleId ?? message.message));
}
fs.writeFileSync(process.argv[2], JSON.stringify(rules));
