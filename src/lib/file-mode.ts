/**
 * Text of a mode as chmod(1) takes it: four octal digits with setuid, setgid and sticky. The file type of st_mode is left out.
 * @example formatMode(0o100644) // "0644"
 */
export function formatMode(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, "0");
}
