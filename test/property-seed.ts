/**
 * Loaded before each test file: properties try the same values in each run, so that a change is judged by itself.
 * `GARRISON_SEED=any` tries others, `GARRISON_SEED=N` those of a seed that failed.
 */
import fc from "fast-check";

const { GARRISON_SEED: seed = "1" } = process.env;
if (seed !== "any") fc.configureGlobal({ seed: Number(seed) });
