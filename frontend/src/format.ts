// Numbers as people read them.

export function formatValue(value: number, whole: boolean): string {
  if (Number.isNaN(value)) return "–";
  if (whole && Math.abs(value) < 1e9) return String(value);
  const size = Math.abs(value);
  if (size >= 1e6 || (size > 0 && size < 1e-3)) return value.toExponential(2);
  return value.toFixed(size >= 1000 ? 1 : size >= 10 ? 2 : 3);
}

/** Seconds since the start: 12 s, 1:05, 2:03:07. */
export function formatTime(seconds: number, stepS: number): string {
  if (Math.abs(seconds) < 120) return `${+seconds.toFixed(stepS < 0.1 ? 2 : stepS < 1 ? 1 : 0)} s`;
  const whole = Math.round(seconds);
  const pad = (n: number) => String(n).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const rest = pad(whole % 60) + (stepS < 1 ? (seconds % 1).toFixed(1).slice(1) : "");
  return hours ? `${hours}:${pad(minutes)}:${rest}` : `${minutes}:${rest}`;
}

export function formatRate(rateHz: number): string {
  return rateHz >= 1000 ? `${+(rateHz / 1000).toPrecision(3)} kHz` : `${+rateHz.toPrecision(3)} Hz`;
}
