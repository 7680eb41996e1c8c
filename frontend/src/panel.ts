// One plot for the traces that share a unit, with a line of names and values above it.

import uPlot from "uplot";
import { formatTime, formatValue } from "./format";
import type { Trace } from "./model";
import type { Ring } from "./ring";
import type { Theme } from "./theme";

const AXIS_FONT = "11px system-ui, sans-serif";
const AXIS_WIDTH = 60;

export interface PanelTrace {
  /** Its place in the ring and in the palette. */
  index: number;
  trace: Trace;
}

export interface PanelContext {
  ring(): Ring;
  theme(): Theme;
  syncKey: string;
}

interface Chip {
  button: HTMLButtonElement;
  value: HTMLElement;
  shown: string;
}

export class Panel {
  readonly root = document.createElement("div");
  private readonly chips: Chip[] = [];
  private readonly plot: uPlot;
  private range: [number, number] | null = null;
  private zoom: [number, number] | null = null;

  constructor(
    private readonly context: PanelContext,
    readonly traces: PanelTrace[],
    private readonly withTimes: boolean,
    width: number,
    private readonly height: number,
  ) {
    this.root.className = "iotlab-panel";
    const chips = document.createElement("div");
    chips.className = "iotlab-chips";
    const box = document.createElement("div");
    box.setAttribute("role", "img");
    box.setAttribute("aria-label", "Plot of " + traces.map((t) => title(t.trace)).join(", ") + " over time");
    this.root.append(chips, box);
    traces.forEach((one, place) => chips.append(this.chip(one, place)));
    this.plot = new uPlot(this.options(width), [[], ...traces.map(() => [])], box);
  }

  /** Shows `data` (the whole ring's) in the window from `fromS` to `toS`. */
  draw(data: [number[], ...(number | null)[][]], fromS: number, toS: number): void {
    const [min, max] = this.zoom ?? [fromS, toS];
    this.plot.batch(() => {
      this.plot.setData([data[0], ...this.traces.map((t) => data[t.index + 1]!)], false);
      this.plot.setScale("x", { min, max });
    });
    this.showValues();
  }

  /** Names and values in the colours of the theme; the plot takes them when it draws. */
  recolour(): void {
    const { traces } = this.context.theme();
    this.chips.forEach((chip, i) => {
      chip.button.style.setProperty("--trace", traces[this.traces[i]!.index % traces.length]!);
    });
    this.plot.redraw(false, false);
  }

  resize(width: number): void {
    if (width !== this.plot.width) this.plot.setSize({ width, height: this.height });
  }

  get zoomed(): boolean {
    return this.zoom !== null;
  }

  unzoom(): void {
    this.zoom = null;
  }

  /** Moves the cursor by `steps` points; the values at the cursor stand above the plot. */
  moveCursor(steps: number): void {
    const times = this.plot.data[0];
    if (!times.length) return;
    const { min = 0, max = 0 } = this.plot.scales.x!;
    const first = this.plot.valToIdx(min);
    const last = this.plot.valToIdx(max);
    const from = this.plot.cursor.idx ?? (steps < 0 ? last + 1 : first - 1);
    const to = Math.min(last, Math.max(first, from + steps));
    this.plot.setCursor({ left: this.plot.valToPos(times[to]!, "x"), top: 10 });
  }

  hideCursor(): void {
    this.plot.setCursor({ left: -10, top: -10 });
  }

  destroy(): void {
    this.plot.destroy();
    this.root.remove();
  }

  private chip({ trace }: PanelTrace, place: number): HTMLElement {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "iotlab-chip";
    button.setAttribute("aria-pressed", "true");
    button.title = `Show or hide ${trace.label}`;
    const part = (name: string, text: string) => {
      const span = document.createElement("span");
      span.className = name;
      span.textContent = text;
      button.append(span);
      return span;
    };
    part("iotlab-swatch", "");
    part("iotlab-label", trace.label);
    const value = part("iotlab-value", "–");
    if (trace.unit) part("iotlab-unit", trace.unit);
    button.addEventListener("click", () => {
      const show = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(show));
      this.plot.setSeries(place + 1, { show });
    });
    this.chips.push({ button, value, shown: "" });
    return button;
  }

  private showValues(): void {
    const ring = this.context.ring();
    const at = this.plot.cursor.idx;
    this.chips.forEach((chip, i) => {
      const { index } = this.traces[i]!;
      const under = at == null ? undefined : this.plot.data[i + 1]![at];
      const text = formatValue(at == null ? ring.last(index) : (under ?? NaN), ring.whole(index));
      if (text !== chip.shown) chip.value.textContent = chip.shown = text;
    });
    this.root.classList.toggle("iotlab-at-cursor", at != null);
  }

  private options(width: number): uPlot.Options {
    const text = () => this.context.theme().text;
    const grid = { stroke: () => this.context.theme().grid, width: 1 };
    // Between 0 and 1 of a switch there is nothing to read off.
    const filter: uPlot.Axis.Filter = (_, splits) => splits.map((s) => (!this.allWhole() || Number.isInteger(s) ? s : null));
    return {
      width,
      height: this.height,
      legend: { show: false },
      padding: [4, 14, this.withTimes ? 0 : 6, 0],
      cursor: {
        drag: { x: true, y: false, uni: 10 },
        sync: { key: this.context.syncKey, setSeries: false },
        points: { size: 7 },
        y: false,
      },
      scales: { x: { time: false }, y: { range: (_, low, high) => this.yRange(low, high) } },
      axes: [
        {
          stroke: text,
          font: AXIS_FONT,
          grid,
          ticks: { show: false },
          size: this.withTimes ? 26 : 0,
          space: 70,
          values: (_, splits, __, ___, step) => splits.map((s) => (this.withTimes ? formatTime(s, step) : "")),
        },
        {
          stroke: text,
          font: AXIS_FONT,
          grid: { ...grid, filter },
          ticks: { show: false },
          size: AXIS_WIDTH,
          space: 32,
          filter,
        },
      ],
      series: [{}, ...this.traces.map((one) => this.series(one))],
      hooks: {
        setCursor: [() => this.showValues()],
        setSelect: [(plot) => this.zoomTo(plot)],
        draw: [(plot) => this.drawMarks(plot), (plot) => this.drawTips(plot)],
      },
    };
  }

  private allWhole(): boolean {
    return this.traces.every(({ index, trace }) => !trace.unit && this.context.ring().whole(index));
  }

  private series({ index, trace }: PanelTrace): uPlot.Series {
    const colour = () => this.context.theme().traces[index % this.context.theme().traces.length]!;
    const smooth = uPlot.paths.linear!();
    const steps = uPlot.paths.stepped!({ align: 1 });
    return {
      label: trace.label,
      stroke: colour,
      width: 1.6,
      fill: this.traces.length === 1 ? () => colour() + "1f" : undefined,
      points: { show: false },
      paths: (plot, place, from, to) =>
        (!trace.unit && this.context.ring().whole(index) ? steps : smooth)(plot, place, from, to),
    };
  }

  /** A range that keeps still: it grows at once, and shrinks only when half of it is empty. */
  private yRange(low: number | null, high: number | null): [number, number] {
    if (low == null || high == null) return this.range ?? [0, 1];
    const least = Math.max(Math.abs(low + high) * 0.005, 1e-6);
    const span = Math.max(high - low, least);
    const kept = this.range;
    if (kept && low >= kept[0] && high <= kept[1] && span * 2 >= kept[1] - kept[0]) return kept;
    const middle = (low + high) / 2;
    return (this.range = [middle - span * 0.62, middle + span * 0.62]);
  }

  private zoomTo(plot: uPlot): void {
    if (plot.select.width < 10) return;
    this.zoom = [plot.posToVal(plot.select.left, "x"), plot.posToVal(plot.select.left + plot.select.width, "x")];
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.root.dispatchEvent(new CustomEvent("iotlab-zoom", { bubbles: true, detail: this.zoom }));
  }

  zoomAs(zoom: [number, number]): void {
    this.zoom = zoom;
  }

  /** Where readings failed or came too late: a small mark on the time axis. */
  private drawMarks(plot: uPlot): void {
    const { left, top, width, height } = plot.bbox;
    const scale = devicePixelRatio;
    for (const [tS, kind] of this.context.ring().marks) {
      const x = plot.valToPos(tS, "x", true);
      if (x < left || x > left + width) continue;
      plot.ctx.fillStyle = kind === "error" ? this.context.theme().error : this.context.theme().late;
      plot.ctx.fillRect(Math.round(x), top + height - 3 * scale, Math.max(1, scale), 3 * scale);
    }
  }

  /** A dot on the newest point of each line. */
  private drawTips(plot: uPlot): void {
    const last = plot.data[0].length - 1;
    this.traces.forEach(({ index }, i) => {
      const value = plot.data[i + 1]![last];
      if (value == null || !plot.series[i + 1]!.show) return;
      const x = plot.valToPos(plot.data[0][last]!, "x", true);
      if (x > plot.bbox.left + plot.bbox.width + 1) return;
      plot.ctx.fillStyle = this.context.theme().traces[index % this.context.theme().traces.length]!;
      plot.ctx.beginPath();
      plot.ctx.arc(x, plot.valToPos(value, "y", true), 3 * devicePixelRatio, 0, 2 * Math.PI);
      plot.ctx.fill();
    });
  }
}

function title(trace: Trace): string {
  return trace.unit ? `${trace.label} (${trace.unit})` : trace.label;
}
