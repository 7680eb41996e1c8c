// The part of anywidget's interface that is used here.

export interface Trace {
  name: string;
  label: string;
  unit: string;
}

export interface Counts {
  samples: number;
  failed: number;
  missed: number;
  dropped: number;
}

export type State = "ready" | "running" | "paused" | "stopped" | "failed" | "closed";

/** What the kernel keeps on the model; the page only reads it. */
export interface Shared {
  title: string;
  traces: Trace[];
  window_s: number;
  rate_hz: number;
  state: State;
  error: string;
  counts: Counts;
  /** A snapshot for pages without a kernel; empty until the first pause or stop. */
  frozen: Partial<BatchMessage> & { rows_f32?: DataView };
}

export interface Model {
  model_id?: string;
  get<K extends keyof Shared>(key: K): Shared[K];
  on(event: string, callback: (...values: any[]) => void): void;
  off(event: string, callback: (...values: any[]) => void): void;
  send(content: Action): void;
}

/** All that the page may ask of the kernel; anything else is refused there. */
export type Action =
  | { action: "hello" }
  | { action: "pause" }
  | { action: "resume" }
  | { action: "csv"; id: string; start: number; end: number };

/** Rows as they were sampled. The buffer holds times after t0_s, then each trace, as float32. */
export interface BatchMessage {
  kind: "batch" | "snapshot";
  first: number;
  rows: number;
  traces: number;
  t0_s: number;
  end: number;
  marks: [number, "error" | "late" | "pause"][];
}

export interface CsvMessage {
  kind: "csv";
  id: string;
  next: number;
  end: number;
  traces: number;
}

export type Message = BatchMessage | CsvMessage;

export function floats(buffer: DataView): Float32Array {
  // Copied, because a message's buffer need not begin at a multiple of four.
  return new Float32Array(buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength));
}
