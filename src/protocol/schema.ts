/*
 * The interface that validation libraries share, Standard Schema: https://standardschema.dev. It is written here, so that a program needs
 * no other package than the library of its schemas, such as zod, valibot or arktype.
 */

/** A schema of any library that has the Standard Schema interface. */
export interface Schema<Input = unknown, Output = Input> {
  readonly '~standard': SchemaMembers<Input, Output>;
}

/** The members of a schema. */
export interface SchemaMembers<Input = unknown, Output = Input> {
  readonly version: 1;
  readonly vendor: string;
  readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
  /** For the compiler only. */
  readonly types?: { readonly input: Input; readonly output: Output } | undefined;
}

/** The parsed value, or what is wrong with it. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** What is wrong with one place of a value. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The type of the values that a schema accepts. */
export type SchemaInput<S extends Schema> = NonNullable<S['~standard']['types']>['input'];

/** The type of the values that a schema returns. */
export type SchemaOutput<S extends Schema> = NonNullable<S['~standard']['types']>['output'];
