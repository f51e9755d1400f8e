/**
 * Fields of a record that are kept but never an alert by themselves. Apart from record.ts, which reads files: the mind loads this.
 */
export const INFORMATIVE_FIELDS = ["mtimeMs", "ctimeMs", "inode", "links", "text", "secret"] as const;
