/**
 * Logins behind failures that look like guessing, by account and network, until somebody has accepted them: nothing good is learnt of
 * them, and they forgive nothing. Of the latest 8,000 accounts, each with its first 64 networks. Pure.
 */
import { RecentMap } from "./recent-map.ts";

const MAX_ACCOUNTS = 8000;
const MAX_NETWORKS = 64;

/** Keeps what is suspected. */
export class BreakIns {
  readonly #networks = new RecentMap<string, Set<string>>(MAX_ACCOUNTS);

  /** A login is suspected. */
  note(account: string, network: string): void {
    const networks = this.#networks.get(account) ?? new Set();
    if (networks.size < MAX_NETWORKS) networks.add(network);
    this.#networks.set(account, networks);
  }

  /** It was its owner's. */
  forget(account: string, network: string): void {
    this.#networks.get(account)?.delete(network);
  }

  /** Whether a login of the account from there is suspected. */
  has(account: string, network: string): boolean {
    return this.#networks.get(account)?.has(network) === true;
  }

  /** Whether any login of the account is suspected. */
  hasAccount(account: string): boolean {
    return (this.#networks.get(account)?.size ?? 0) > 0;
  }
}
