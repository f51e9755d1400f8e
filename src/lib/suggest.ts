/** "Did you mean": the known word that a mistyped one is nearest to. Pure. */

const MAX_WORD_LENGTH = 64;

/**
 * The candidate that is most like `word`, or `undefined` when none is alike. Case, `-` and `_` do not count; otherwise one
 * wrong, missing, added or swapped character for every three is forgiven. The first of equals wins.
 * @example suggest("scan_evry", ["paths", "scanEvery"]) // "scanEvery"
 */
export function suggest(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > MAX_WORD_LENGTH) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    if (candidate.length > MAX_WORD_LENGTH) continue;
    const distance = editDistance(plain(word), plain(candidate));
    // A word of which nothing is right is not alike, however short it is.
    if (distance < bestDistance && distance < candidate.length) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function plain(word: string): string {
  return word.toLowerCase().replace(/[-_]/g, "");
}

/** Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment) that lead from `a` to `b`. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const isSame = a[row - 1] === b[column - 1];
      const isSwap = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current.push(
        Math.min(
          last[column]! + 1,
          current[column - 1]! + 1,
          last[column - 1]! + (isSame ? 0 : 1),
          isSwap && column > 1 && row > 1 ? beforeLast[column - 2]! + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length]!;
}
