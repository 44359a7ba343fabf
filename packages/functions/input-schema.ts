/**
 * What a schema library has to offer to describe a payload: Standard Schema (standardschema.dev), as Zod, Valibot and
 * ArkType implement it. `jsonSchema`, where there is one, lets the API refuse a wrong payload when a job is made.
 */
export type InputSchema<Output = unknown> = {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => InputResult<Output> | Promise<InputResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
    readonly jsonSchema?: { readonly input: (options: { target: "draft-2020-12" }) => Record<string, unknown> };
  };
};

export type InputResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly InputIssue[] };

export type InputIssue = {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
};

export function isInputSchema(value: unknown): value is InputSchema {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  const standard: unknown = (value as Partial<InputSchema>)["~standard"];
  return typeof standard === "object" && standard !== null && "validate" in standard;
}
