/** A schema with values that are valid against it and values that are not. */
export type SchemaCase = readonly [schema: unknown, valid: readonly unknown[], invalid: readonly unknown[]];
