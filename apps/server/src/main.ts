#!/usr/bin/env node
import type { Writable } from 'node:stream';
import { COMMANDS } from './cli/commands.js';
import { isBrokenPipe, runProgram } from './cli/program.js';
import { VERSION } from './version.js';

// A reader that goes away early, as `head` does, ends the command without a complaint.
process.stdout.on('error', (error) => {
  if (isBrokenPipe(error)) process.exit(0);
  throw error;
});

const flushed = (output: Writable) => new Promise<void>((resolve) => output.write('', () => resolve()));

const io = { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, environment: process.env };
// Without any word of what to do it serves: `npx starling` is to show what this is.
const args = process.argv.length > 2 ? process.argv.slice(2) : ['serve'];
const code = await runProgram(args, io, VERSION, COMMANDS);
await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
// At once: nothing that still holds the process (a load that was interrupted) delays its end, and while Node takes
// down a process that ends by itself it no longer handles signals: one sent then would make a clean end look like a kill.
process.exit(code);
