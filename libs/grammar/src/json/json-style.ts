import type { EscapeStyle } from '../machine/json-string-machine.js';
import type { PropertyOrder } from '../schema/object-plan.js';

/** How JSON may be written. */
export interface JsonStyle {
  /** Characters of white space that may stand between two parts. */
  readonly maxSpace: number;
  readonly escapes: EscapeStyle;
  readonly order: PropertyOrder;
}
