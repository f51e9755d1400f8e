/** Names of series: what is counted, a space, and of whom, such as `packets-out account:1003`. Pure. */

/** The two parts of a name. */
export interface SeriesName {
  /** What is counted. */
  readonly kind: string;
  /** Of whom; empty when the name does not say. */
  readonly of: string;
}

/** What is counted, and of which uid. */
export interface AccountSeries {
  readonly kind: string;
  readonly uid: number;
}

/** Takes a name apart at its first space. */
export function splitSeries(series: string): SeriesName {
  const at = series.indexOf(" ");
  return at === -1 ? { kind: series, of: "" } : { kind: series.slice(0, at), of: series.slice(at + 1) };
}

/** The parts of the name; `null`: it is of no account. */
export function parseAccountSeries(series: string): AccountSeries | null {
  const match = /^([a-z0-9-]{1,64}) account:(\d{1,10})$/.exec(series);
  return match === null ? null : { kind: match[1] ?? "", uid: Number(match[2]) };
}
