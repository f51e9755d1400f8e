/** Names of series of one account: `packets-out account:1003`. Pure. */

/** What is counted, and of which uid. */
export interface AccountSeries {
  readonly kind: string;
  readonly uid: number;
}

/** The parts of the name; `null`: it is of no account. */
export function parseAccountSeries(series: string): AccountSeries | null {
  const match = /^([a-z0-9-]{1,64}) account:(\d{1,10})$/.exec(series);
  return match === null ? null : { kind: match[1] ?? "", uid: Number(match[2]) };
}
