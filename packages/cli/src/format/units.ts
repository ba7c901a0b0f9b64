/** A whole number with a comma between the thousands: `1,234,567`. */
export function formatCount(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** Milliseconds in the unit that reads best, with three digits: `87 us`, `1.23 ms`, `12.3 ms`, `1.50 s`; `-` for none. */
export function formatMs(valueMs: number | null | undefined): string {
  if (valueMs === null || valueMs === undefined || !Number.isFinite(valueMs)) return '-';
  if (valueMs === 0) return '0';
  // The bounds are where rounding to three digits would reach the next unit.
  if (valueMs < 0.9995) return `${threeDigits(valueMs * 1000)} us`;
  if (valueMs < 999.5) return `${threeDigits(valueMs)} ms`;
  return `${threeDigits(valueMs / 1000)} s`;
}

/** A share between 0 and 1 as a percentage that never rounds something away to `0 %`: `0.012 %`. */
export function formatShare(share: number): string {
  if (share === 0) return '0 %';
  const percent = share * 100;
  return percent < 0.001 ? '< 0.001 %' : `${threeDigits(percent)} %`;
}

/** A span of time as one would say it: `10 s`, `1.5 s`, `2 min`. */
export function formatSpan(valueMs: number): string {
  if (valueMs < 1000) return `${Number(valueMs.toFixed(1))} ms`;
  if (valueMs < 120_000) return `${Number((valueMs / 1000).toFixed(1))} s`;
  return `${Number((valueMs / 60_000).toFixed(1))} min`;
}

function threeDigits(value: number): string {
  if (value >= 99.95) return Math.round(value).toLocaleString('en-US');
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}
