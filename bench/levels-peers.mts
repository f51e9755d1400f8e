/** The usual ways to watch a number, to compare with. Each gives a score for a value: distances from what is expected, in its own spread. */

/** Judges values in turn. */
export type Judge = (value: number, index: number) => number;

const DAY = 288;

/** Distance from the median of the last day, in median absolute deviations. */
export function rollingMad(perDay = DAY): Judge {
  const window: number[] = [];
  return (value) => {
    const sorted = window.toSorted((one, other) => one - other);
    const middle = sorted[sorted.length >> 1] ?? value;
    const away = sorted.map((one) => Math.abs(one - middle)).sort((one, other) => one - other);
    const score = Math.abs(value - middle) / (1.4826 * (away[away.length >> 1] ?? 0) + 1e-9);
    window.push(value);
    if (window.length > perDay) window.shift();
    return score;
  };
}

/** Distance from an exponential mean, in exponential standard deviations. */
export function ewma(part = 0.02): Judge {
  let mean: number | null = null;
  let variance = 0;
  return (value) => {
    mean ??= value;
    const away = value - mean;
    const score = Math.abs(away) / (Math.sqrt(variance) + 1e-9);
    mean += part * away;
    variance += part * (away * away - variance);
    return score;
  };
}

/** Distance from level plus the season of the day (additive Holt-Winters), in the deviation of that time of the day (Brutlag). */
export function holtWinters(perDay = DAY): Judge {
  const season = new Float64Array(perDay);
  const deviation = new Float64Array(perDay);
  let level: number | null = null;
  return (value, index) => {
    level ??= value;
    const slot = index % perDay;
    const away = value - level - season[slot]!;
    const score = Math.abs(away) / (deviation[slot]! + 1e-9);
    const before = level;
    level += 0.01 * away;
    season[slot] = season[slot]! + 0.2 * (value - before - season[slot]!);
    deviation[slot] = deviation[slot]! + 0.2 * (Math.abs(away) - deviation[slot]!);
    return score;
  };
}
