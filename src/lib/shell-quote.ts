/**
 * A path as one word of a shell, for commands that people copy from an alert.
 * @example quoteForShell("/etc/a b") // "'/etc/a b'"
 */
export function quoteForShell(path: string): string {
  return /^[\w./@%+=:,-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
