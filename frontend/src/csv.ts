// The whole recording as a CSV file: asked for in portions, put together here, saved by the browser.

import type { CsvMessage, Model } from "./model";

const ANSWER_MS = 30_000;

export class CsvDownload {
  private id = "";
  private parts: BlobPart[] = [];
  private traces = 0;
  private timer = 0;

  constructor(
    private readonly model: Model,
    private readonly progress: (text: string) => void,
  ) {}

  start(): void {
    if (this.id) return;
    this.id = Array.from(crypto.getRandomValues(new Uint8Array(8)), (b) => b.toString(16).padStart(2, "0")).join("");
    this.parts = [];
    this.progress("Saving …");
    this.ask(0, -1);
  }

  /** Takes a message of the kernel; those of another view's download are left alone. */
  take(message: CsvMessage, buffer: DataView): void {
    if (message.id !== this.id) return;
    if (this.parts.length && message.traces !== this.traces) {
      this.finish("A trace was added: save again");
      return;
    }
    this.traces = message.traces;
    this.parts.push(buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength) as ArrayBuffer);
    if (message.next < message.end) {
      this.progress(`Saving ${Math.floor((100 * message.next) / message.end)} %`);
      this.ask(message.next, message.end);
    } else {
      this.save();
      this.finish("");
    }
  }

  destroy(): void {
    clearTimeout(this.timer);
  }

  private ask(start: number, end: number): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.finish("No answer from the kernel"), ANSWER_MS);
    this.model.send({ action: "csv", id: this.id, start, end });
  }

  private finish(text: string): void {
    clearTimeout(this.timer);
    this.id = "";
    this.parts = [];
    this.progress(text);
  }

  private save(): void {
    const url = URL.createObjectURL(new Blob(this.parts, { type: "text/csv" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = `${slug(this.model.get("title")) || "recording"}-${stamp(new Date())}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  }
}

function slug(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 60);
}

function stamp(now: Date): string {
  const two = (n: number) => String(n).padStart(2, "0");
  return `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}-${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
}
