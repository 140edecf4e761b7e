import { StarlingError, type ErrorDetails } from '@starling/core';

/** The error for a file that is not what it should be: names the file and says what is wrong. */
export function invalidFile(file: string, problem: string, details: ErrorDetails = {}): StarlingError {
  return new StarlingError('invalid_model_file', `${file}: ${problem}`, { details: { file, ...details } });
}
