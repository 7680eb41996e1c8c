// The live plot: one ring per model, shared by all its views.

import "uplot/dist/uPlot.min.css";
import "./live.css";
import { type BatchMessage, floats, type Message, type Model } from "./model";
import { Ring } from "./ring";
import { LiveView } from "./view";

/** A kernel that runs a cell may answer late; the rows that come meanwhile are drawn all the same. */
const ASK_AGAIN_MS = 5000;

export default () => {
  let ring = new Ring(0, 30);
  const views = new Set<LiveView>();
  let askedAt = -Infinity;

  function renew(model: Model): void {
    ring = new Ring(model.get("traces").length, model.get("window_s"));
    views.forEach((view) => view.rebuild());
  }

  /** The kernel answers with the newest rows: after a reload, for a new trace, when rows went missing. */
  function hello(model: Model): void {
    if (performance.now() - askedAt < ASK_AGAIN_MS) return;
    askedAt = performance.now();
    model.send({ action: "hello" });
  }

  function takeRows(model: Model, message: BatchMessage, buffer: DataView): void {
    if (message.kind === "snapshot") {
      askedAt = -Infinity;
      if (message.traces !== model.get("traces").length) return;
      ring = new Ring(message.traces, model.get("window_s"));
    }
    if (!ring.add(message, floats(buffer))) hello(model);
    views.forEach((view) => view.touch());
  }

  return {
    initialize({ model }: { model: Model }) {
      const take = (message: Message, buffers: DataView[]) => {
        const buffer = buffers[0];
        if (!buffer) return;
        if (message.kind === "csv") views.forEach((view) => view.takeCsv(message, buffer));
        else takeRows(model, message, buffer);
      };
      // The kernel sends a snapshot by itself after these.
      const reshaped = () => renew(model);
      const changed = () => views.forEach((view) => view.showState());
      const events: [string, (...values: any[]) => void][] = [
        ["msg:custom", take],
        ["change:traces", reshaped],
        ["change:window_s", reshaped],
        ...["title", "state", "error", "counts"].map((key): [string, () => void] => [`change:${key}`, changed]),
      ];
      events.forEach(([event, callback]) => model.on(event, callback));
      renew(model);
      const frozen = model.get("frozen");
      if (frozen.rows_f32) takeRows(model, frozen as BatchMessage, frozen.rows_f32);
      hello(model);
      return () => events.forEach(([event, callback]) => model.off(event, callback));
    },

    render({ model, el }: { model: Model; el: HTMLElement }) {
      const view = new LiveView(model, () => ring, el);
      views.add(view);
      return () => {
        views.delete(view);
        view.destroy();
      };
    },
  };
};
