/** The value that half of them don't exceed. */
export const median = (values: readonly number[]): number => percentile(values, 0.5);

/** The value that this share of them doesn't exceed (nearest rank). */
export function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}

/** `1,234/s` */
export const perSecond = (count: number, ms: number): string => `${rounded((count * 1_000) / ms)}/s`;

export const rounded = (value: number): string => Math.round(value).toLocaleString("en");

export const milliseconds = (value: number): string => `${value < 10 ? value.toFixed(1) : rounded(value)} ms`;

export const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

/** `p50 12 ms, p95 31 ms` */
export const spread = (latencies: readonly number[]): string =>
  `p50 ${milliseconds(median(latencies))}, p95 ${milliseconds(percentile(latencies, 0.95))}`;
