/** Lowest first: the order is used to compare. */
export const SEVERITIES = ["low", "medium", "high", "critical"] as const;

/** How urgent an alert is. */
export type Severity = (typeof SEVERITIES)[number];
