export { ERROR_KINDS, type ErrorCode, type ErrorKind } from './error-codes.js';
export {
  StarlingError,
  isStarlingError,
  messageOf,
  assert,
  parameterError,
  renamedParameter,
  type ErrorDetails,
} from './error.js';
export { f16ToNumber, numberToF16, bf16ToNumber, numberToBf16, f16Table } from './half.js';
export { checkedProduct, checkedSum, alignUp, type SizeContext } from './sizes.js';
export { PackedStrings } from './packed-strings.js';
export { nearestName } from './nearest-name.js';
export { monotonicClock, steadyTime, deadlineAfter, type Clock, type Deadline } from './clock.js';
export { Emitter, type Listener } from './events.js';
export { printable } from './printable.js';
export { bodyPieces } from './body-pieces.js';
