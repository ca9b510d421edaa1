/*
 * The interface that validation libraries share, Standard Schema: https://standardschema.dev. It is written here, so that a program needs
 * no other package than the library of its schemas, such as zod, valibot or arktype.
 */

/** A schema of any library that has the Standard Schema interface. */
export interface ISchema<Input = unknown, Output = Input> {
  readonly '~standard': ISchemaMembers<Input, Output>;
}

/** The members of a schema. */
export interface ISchemaMembers<Input = unknown, Output = Input> {
  readonly version: 1;
  readonly vendor: string;
  readonly validate: (value: unknown) => TSchemaResult<Output> | Promise<TSchemaResult<Output>>;
  /** For the compiler only. */
  readonly types?: { readonly input: Input; readonly output: Output } | undefined;
}

/** The parsed value, or what is wrong with it. */
export type TSchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly ISchemaIssue[] };

/** What is wrong with one place of a value. */
export interface ISchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The type of the values that a schema accepts. */
export type TSchemaInput<S extends ISchema> = NonNullable<S['~standard']['types']>['input'];

/** The type of the values that a schema returns. */
export type TSchemaOutput<S extends ISchema> = NonNullable<S['~standard']['types']>['output'];
