/** What is known of a message in a queue. Types only. All texts were chosen by whoever wrote the message. */

/** One message. */
export interface QueuedMessage {
  /** When it came; `null` when the file does not say. */
  readonly receivedUnixMs: number | null;
  /** Envelope sender; `""` is a bounce. */
  readonly sender: string;
  /**
   * Login name, or `uid N`, of the account whose process handed it over on this host; `null` when it came by SMTP or the mail program
   * made it itself. This the mail program knows by itself: no sender can choose it.
   */
  readonly account: string | null;
  readonly uid: number | null;
  /** Name by which an SMTP client had authenticated, such as `info@alice.example`; `null`: it had not. */
  readonly mailbox: string | null;
  /** Address of the SMTP client; `null`: none. */
  readonly client: string | null;
  /**
   * Which script says that it made it, by a header of PHP or of a panel; `null`: none, or the message came by SMTP, where such a header is
   * the client's word. A script can write any name there, but not another account.
   */
  readonly script: string | null;
  /** Addresses that it was for when it came. */
  readonly recipients: number;
  /** Exim: frozen. Postfix: on hold. */
  readonly isFrozen: boolean;
  /** What was read of the file ends before it tells whose the message is. */
  readonly isCut: boolean;
}
