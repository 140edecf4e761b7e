import type { EscapeStyle } from '../machine/json-string-machine.js';
import type { PropertyOrder } from '../schema/object-plan.js';

/** How JSON may be written. */
export interface JsonStyle {
  /** Whether white space may stand between two parts. */
  readonly hasSpace: boolean;
  readonly escapes: EscapeStyle;
  readonly order: PropertyOrder;
  /** Strings stand between two of these, without escapes, and keys without quotes; else as JSON has them. */
  readonly quote?: string;
}
