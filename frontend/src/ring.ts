// The newest samples in as many buckets as a plot has columns, so that any rate draws equally fast.

import type { BatchMessage } from "./model";

const BUCKETS = 1200;
const MAX_MARKS = 400;

type Column = (number | null)[];

class Extremes {
  low: Float32Array;
  high: Float32Array;
  lowFirst: Uint8Array;
  last = NaN;
  whole = true;

  constructor(size: number) {
    this.low = new Float32Array(size);
    this.high = new Float32Array(size);
    this.lowFirst = new Uint8Array(size);
  }
}

export class Ring {
  readonly windowS: number;
  readonly traces: number;
  /** Rows seen since the recording began. */
  end = 0;
  /** Time of the newest row. */
  lastS = 0;
  marks: [number, string][] = [];
  private readonly size = BUCKETS + 2;
  private readonly widthS: number;
  private newest = -1;
  private readonly ids = new Float64Array(this.size).fill(-1);
  private readonly counts = new Uint32Array(this.size);
  private readonly firstS = new Float64Array(this.size);
  private readonly finalS = new Float64Array(this.size);
  private readonly gapS = new Float64Array(this.size);
  private readonly columns: Extremes[] = [];

  constructor(traces: number, windowS: number) {
    this.traces = traces;
    this.windowS = windowS;
    this.widthS = windowS / BUCKETS;
    for (let j = 0; j < traces; j++) this.columns.push(new Extremes(this.size));
  }

  /** Adds the rows of a message that are new; false when rows before them are missing. */
  add(message: BatchMessage, values: Float32Array): boolean {
    if (message.traces !== this.traces) return false;
    const { rows } = message;
    const complete = message.kind === "snapshot" || message.first <= this.end;
    const skip = message.kind === "batch" ? this.end - message.first : 0;
    for (let i = Math.max(0, skip); i < rows; i++) this.addRow(message.t0_s + values[i]!, values, rows, i);
    this.end = Math.max(this.end, message.end);
    for (const mark of message.marks) if (mark[1] !== "pause") this.marks.push(mark);
    const oldest = this.lastS - this.windowS;
    if (this.marks.length > MAX_MARKS || (this.marks[0]?.[0] ?? oldest) < oldest)
      this.marks = this.marks.filter((m) => m[0] >= oldest).slice(-MAX_MARKS);
    return complete;
  }

  private addRow(tS: number, values: Float32Array, rows: number, i: number): void {
    const id = Math.floor(tS / this.widthS);
    const slot = id % this.size;
    if (this.ids[slot] !== id) {
      this.ids[slot] = id;
      this.counts[slot] = 0;
      this.gapS[slot] = NaN;
      for (const column of this.columns) column.low[slot] = column.high[slot] = NaN;
    }
    let any = false;
    for (let j = 0; j < this.traces; j++) {
      const value = values[(j + 1) * rows + i]!;
      if (Number.isNaN(value)) continue;
      any = true;
      const column = this.columns[j]!;
      column.last = value;
      if (!Number.isInteger(value)) column.whole = false;
      if (!(value >= column.low[slot]!)) {
        column.low[slot] = value;
        column.lowFirst[slot] = 0;
      }
      if (!(value <= column.high[slot]!)) {
        column.high[slot] = value;
        column.lowFirst[slot] = 1;
      }
    }
    if (!any) this.gapS[slot] = tS;
    else {
      if (this.counts[slot] === 0) this.firstS[slot] = tS;
      this.finalS[slot] = tS;
      this.counts[slot]!++;
    }
    this.newest = id;
    this.lastS = tS;
  }

  /** What is drawn: times, then a column per trace; null breaks the line. */
  data(): [number[], ...Column[]] {
    const times: number[] = [];
    const columns: Column[] = this.columns.map(() => []);
    for (let id = Math.max(0, this.newest - BUCKETS); id <= this.newest; id++) {
      const slot = id % this.size;
      if (this.ids[slot] !== id) continue;
      const count = this.counts[slot]!;
      if (count > 0) {
        times.push(this.firstS[slot]!);
        if (count > 1) times.push(this.finalS[slot]!);
        this.columns.forEach((column, j) => {
          const low = column.low[slot]!;
          const high = column.high[slot]!;
          const out = columns[j]!;
          if (Number.isNaN(low)) {
            out.push(null);
            if (count > 1) out.push(null);
          } else if (count === 1) out.push(low);
          else if (column.lowFirst[slot]) out.push(low, high);
          else out.push(high, low);
        });
      }
      if (!Number.isNaN(this.gapS[slot]!)) {
        times.push(Math.max(this.gapS[slot]!, times[times.length - 1] ?? 0));
        for (const out of columns) out.push(null);
      }
    }
    return [times, ...columns];
  }

  /** The newest value of a trace, NaN before the first. */
  last(trace: number): number {
    return this.columns[trace]?.last ?? NaN;
  }

  /** Whether all values of a trace were whole numbers: those are drawn as steps. */
  whole(trace: number): boolean {
    return this.columns[trace]?.whole ?? false;
  }
}
