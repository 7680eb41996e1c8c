// What a person sees of one live plot: a bar with name, state and buttons, a banner for errors, the panels.

import { CsvDownload } from "./csv";
import { formatRate } from "./format";
import type { CsvMessage, Model, State } from "./model";
import { Panel, type PanelTrace } from "./panel";
import type { Ring } from "./ring";
import { readTheme, type Theme, watchTheme } from "./theme";

const HEIGHTS = [260, 170, 140];
const STATE_TEXT: Record<State, string> = {
  ready: "waiting",
  running: "live",
  paused: "paused",
  stopped: "stopped",
  failed: "failed",
  closed: "closed",
};
const ICONS = {
  pause: "M4 3h3v10H4zM9 3h3v10H9z",
  resume: "M4.5 2.5v11l9-5.5z",
  save: "M7.2 2h1.6v6.2l2.1-2.1 1.1 1.1L8 11.2 4 7.2l1.1-1.1 2.1 2.1zM3 12.4h10V14H3z",
};

/** For tests and scripts on the page: what the plot shows, as `element.iotlab`. */
export interface Inspect {
  /** The points that are drawn: times in `t_s`, then each trace by name; null breaks a line. */
  data(): Record<string, (number | null)[]>;
  /** The newest value of each trace by name. */
  last(): Record<string, number>;
  /** Rows received since the recording began. */
  rows(): number;
}

export class LiveView {
  private readonly root: HTMLElement & { iotlab?: Inspect } = document.createElement("section");
  private readonly titleBox = make("div", "iotlab-title");
  private readonly stateBox = make("div", "iotlab-state");
  private readonly countBox = make("div", "iotlab-counts");
  private readonly banner = make("div", "iotlab-banner");
  private readonly plots = make("div", "iotlab-plots");
  private readonly pauseButton: HTMLButtonElement;
  private readonly csv: CsvDownload;
  private readonly leave: (() => void)[] = [];
  private panels: Panel[] = [];
  private theme: Theme;
  private frame = 0;
  private width = 0;
  private asked: State | "" = "";
  private newestAt = performance.now();

  constructor(
    private readonly model: Model,
    private readonly ring: () => Ring,
    host: HTMLElement,
  ) {
    this.root.className = "iotlab-live";
    this.root.setAttribute("role", "group");
    // JupyterLab's one-key shortcuts must not take the keys that are pressed here.
    this.root.setAttribute("data-lm-suppress-shortcuts", "true");
    this.stateBox.setAttribute("role", "status");
    this.banner.setAttribute("role", "alert");
    this.banner.hidden = true;
    this.pauseButton = button("Pause", ICONS.pause, () => this.togglePause());
    const save = button("Save CSV", ICONS.save, () => this.csv.start());
    this.csv = new CsvDownload(model, (text) => label(save, text || "Save CSV", ICONS.save));
    const bar = make("div", "iotlab-bar");
    bar.append(this.titleBox, this.stateBox, this.countBox, this.pauseButton, save);
    this.plots.tabIndex = 0;
    this.plots.setAttribute("aria-label", "Plots: space pauses, arrow keys move the cursor, Escape resets");
    this.plots.setAttribute("role", "group");
    this.root.append(bar, this.banner, this.plots);
    host.append(this.root);
    this.theme = readTheme(this.root);
    this.listen();
    this.rebuild();
    this.showState();
    this.root.iotlab = { data: () => this.shown(), last: () => this.lastValues(), rows: () => this.ring().end };
  }

  /** New rows are in the ring. */
  touch(): void {
    this.newestAt = performance.now();
    this.schedule();
  }

  takeCsv(message: CsvMessage, buffer: DataView): void {
    this.csv.take(message, buffer);
  }

  /** The traces or the window changed. */
  rebuild(): void {
    this.panels.forEach((panel) => panel.destroy());
    const groups = new Map<string, PanelTrace[]>();
    this.model.get("traces").forEach((trace, index) => {
      const shared = groups.get(trace.unit) ?? [];
      groups.set(trace.unit, [...shared, { index, trace }]);
    });
    const height = HEIGHTS[Math.min(groups.size, HEIGHTS.length) - 1] ?? HEIGHTS[0]!;
    const context = { ring: this.ring, theme: () => this.theme, syncKey: `iotlab-${this.model.model_id ?? ""}` };
    let left = groups.size;
    this.panels = [...groups.values()].map((traces) => {
      left--;
      return new Panel(context, traces, left === 0, this.plotWidth(), left === 0 ? height + 20 : height);
    });
    this.plots.replaceChildren(...this.panels.map((panel) => panel.root));
    if (!this.panels.length) this.plots.append(make("p", "iotlab-empty", "Waiting for the first reading …"));
    this.recolour();
    this.schedule();
  }

  /** State, error or counts changed. */
  showState(): void {
    const state = this.model.get("state");
    if (state === this.asked || state !== "running") this.asked = "";
    const { samples, failed, missed } = this.model.get("counts");
    const name = this.model.get("title");
    const rate = formatRate(this.model.get("rate_hz"));
    this.root.dataset.state = state;
    this.root.setAttribute("aria-label", `Live plot ${name}`);
    set(this.titleBox, name);
    set(this.stateBox, state === "running" ? `${STATE_TEXT[state]} · ${rate}` : STATE_TEXT[state]);
    const faults = [failed ? `${count(failed)} failed` : "", missed ? `${count(missed)} missed` : ""];
    set(this.countBox, [`${count(samples)} samples`, ...faults].filter(Boolean).join(" · "));
    const goesOn = state === "running" || state === "ready";
    label(this.pauseButton, goesOn ? "Pause" : state === "failed" ? "Try again" : "Resume", goesOn ? ICONS.pause : ICONS.resume);
    this.pauseButton.disabled = state === "closed" || state === "stopped";
    this.showError(state, this.model.get("error"));
    this.schedule();
  }

  destroy(): void {
    cancelAnimationFrame(this.frame);
    this.leave.forEach((end) => end());
    this.csv.destroy();
    this.panels.forEach((panel) => panel.destroy());
    this.root.remove();
  }

  private listen(): void {
    // It also calls when the plot comes onto the page: before that it has no colours to read.
    const resized = new ResizeObserver(() => {
      this.recolour();
      this.resize();
    });
    resized.observe(this.root);
    const watch = window.setInterval(() => this.showStall(), 1000);
    this.plots.addEventListener("keydown", (event) => this.key(event));
    this.plots.addEventListener("dblclick", () => this.zoom(null));
    this.plots.addEventListener("iotlab-zoom", (event) => this.zoom((event as CustomEvent).detail));
    this.leave.push(
      () => resized.disconnect(),
      () => clearInterval(watch),
      watchTheme(() => this.recolour()),
    );
  }

  private togglePause(): void {
    const goesOn = this.model.get("state") === "running";
    this.asked = goesOn ? "paused" : "running";
    this.pauseButton.setAttribute("aria-busy", "true");
    this.model.send({ action: goesOn ? "pause" : "resume" });
  }

  private key(event: KeyboardEvent): void {
    if (event.target !== this.plots) return;
    const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20 };
    if (event.key === " ") this.pauseButton.click();
    else if (event.key === "Escape") this.zoom(null);
    else if (event.key in steps) this.panels.forEach((panel) => panel.moveCursor(steps[event.key]!));
    else return;
    event.preventDefault();
  }

  private zoom(range: [number, number] | null): void {
    for (const panel of this.panels) {
      if (range) panel.zoomAs(range);
      else {
        panel.unzoom();
        panel.hideCursor();
      }
    }
    this.schedule();
  }

  private showError(state: State, error: string): void {
    this.banner.hidden = !error;
    this.root.classList.toggle("iotlab-failing", !!error);
    if (!error) return;
    this.banner.classList.toggle("iotlab-fatal", state === "failed");
    set(this.banner, state === "failed" ? `Sampling stopped. ${error}` : `A reading failed, trying again. ${error}`);
  }

  /** A kernel that went away, or that is busy, says nothing: then the page has to. */
  private showStall(): void {
    if (this.model.get("state") !== "running") return;
    const silentS = (performance.now() - this.newestAt) / 1000;
    const stalled = silentS > Math.max(3, 5 / this.model.get("rate_hz"));
    this.root.classList.toggle("iotlab-stalled", stalled);
    if (stalled) set(this.stateBox, `no data for ${Math.floor(silentS)} s`);
    else if (this.stateBox.textContent?.startsWith("no data")) this.showState();
  }

  private recolour(): void {
    this.theme = readTheme(this.root);
    this.root.classList.toggle("iotlab-dark", this.theme.dark);
    this.panels.forEach((panel) => panel.recolour());
  }

  private plotWidth(): number {
    return Math.max(200, Math.floor(this.plots.clientWidth) || 640);
  }

  private resize(): void {
    const width = this.plotWidth();
    if (width === this.width) return;
    this.width = width;
    this.panels.forEach((panel) => panel.resize(width));
    this.schedule();
  }

  private schedule(): void {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      const ring = this.ring();
      const data = ring.data();
      const to = Math.max(ring.lastS, ring.windowS);
      this.panels.forEach((panel) => panel.draw(data, to - ring.windowS, to));
      this.root.dataset.rows = String(ring.end);
    });
  }

  private shown(): Record<string, (number | null)[]> {
    const [times, ...columns] = this.ring().data();
    const named = this.model.get("traces").map((trace, j) => [trace.name, columns[j] ?? []]);
    return { t_s: times, ...Object.fromEntries(named) };
  }

  private lastValues(): Record<string, number> {
    return Object.fromEntries(this.model.get("traces").map((trace, j) => [trace.name, this.ring().last(j)]));
  }
}

function make(tag: string, name: string, text = ""): HTMLElement {
  const element = document.createElement(tag);
  element.className = name;
  element.textContent = text;
  return element;
}

function set(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

function count(n: number): string {
  return n.toLocaleString("en").replace(/,/g, "\u202f");
}

function button(text: string, icon: string, press: () => void): HTMLButtonElement {
  const element = document.createElement("button");
  element.type = "button";
  element.className = "iotlab-button";
  element.addEventListener("click", press);
  label(element, text, icon);
  return element;
}

function label(element: HTMLButtonElement, text: string, icon: string): void {
  element.removeAttribute("aria-busy");
  if (element.dataset.text === text) return;
  element.dataset.text = text;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", icon);
  svg.append(path);
  element.replaceChildren(svg, make("span", "", text));
}
