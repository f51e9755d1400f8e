/** A value that survives JSON: what travels between our processes and into the store. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** A plain object of {@link Json} values. */
export interface JsonObject {
  readonly [key: string]: Json;
}
