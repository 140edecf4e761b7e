import { COMMANDS } from './cli/commands.js';
import { isBrokenPipe, runProgram } from './cli/program.js';
import { VERSION } from './version.js';

// A reader that goes away early, as `head` does, ends the command without a complaint.
process.stdout.on('error', (error) => {
  if (isBrokenPipe(error)) process.exit(0);
  throw error;
});

const io = { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, environment: process.env };
process.exitCode = await runProgram(process.argv.slice(2), io, VERSION, COMMANDS);
// Whatever still holds the process (a load that was interrupted) does not hold it for long.
setTimeout(() => process.exit(), 2000).unref();
