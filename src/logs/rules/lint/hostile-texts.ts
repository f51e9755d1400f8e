/** Texts that an attacker would write into a name, a path or a greeting to have another address read. */

/** The address that no rule may give. Of TEST-NET-1 (RFC 5737). */
export const FOREIGN_ADDRESS = "192.0.2.66";

// How texts are brought to an end: quotes, brackets, line ends as they are and as programs escape them.
const CLOSERS = [
  "",
  " ",
  '"',
  '\\"',
  "'",
  "]",
  "] ",
  ")",
  ") ",
  ">",
  ">, ",
  ",",
  ": ",
  "\\n",
  "#012",
  "\r",
  "\\",
  "\u00c3",
];
const FIXED = [
  ` from ${FOREIGN_ADDRESS} port 22 ssh2`,
  ` from ${FOREIGN_ADDRESS}`,
  `[${FOREIGN_ADDRESS}]`,
  ` [${FOREIGN_ADDRESS}]:25 `,
  `(${FOREIGN_ADDRESS})`,
  ` rhost=${FOREIGN_ADDRESS} `,
  `, rip=${FOREIGN_ADDRESS}, lip=192.0.2.1`,
  `, client: ${FOREIGN_ADDRESS}, server: x, request: "GET / HTTP/1.1", host: "x"`,
  `[client ${FOREIGN_ADDRESS}:4711]`,
  `'${FOREIGN_ADDRESS}'`,
  `(?@${FOREIGN_ADDRESS}) [WARNING] `,
  FOREIGN_ADDRESS,
];

/**
 * Hostile texts for one place of a line: general ones, and such as repeat what the line itself says around the place, with another
 * address in it.
 *
 * @param before the line up to the place
 * @param after the line behind it
 * @param address the true address as the line has it
 */
export function hostileTexts(before: string, after: string, address: string): readonly string[] {
  const foreign = (text: string): string => text.replaceAll(address, FOREIGN_ADDRESS);
  const around = [after, `${after}${before}`, before, `${before}x${after}`].map(foreign);
  const own = [...around, ...around.map((text) => `${text} `), ...around.map((text) => text.trim())];
  const texts = [...own, ...FIXED].flatMap((text) => CLOSERS.map((closer) => `x${closer}${text}`));
  return [...new Set([...texts, ...own, ...FIXED])];
}
