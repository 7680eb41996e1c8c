// Colours for the canvas, taken from the page's style sheet (JupyterLab's variables, or our fallbacks).

const LIGHT = ["#1668c7", "#d9480f", "#2b8a3e", "#9c36b5", "#c2255c", "#0b7285", "#a67c00", "#5f3dc4"];
const DARK = ["#6cb6ff", "#ff9d5c", "#69db7c", "#d89bf0", "#ff8fb1", "#63d4e6", "#ffd43b", "#b197fc"];

export interface Theme {
  dark: boolean;
  text: string;
  grid: string;
  error: string;
  late: string;
  traces: string[];
}

export function readTheme(root: HTMLElement): Theme {
  const style = getComputedStyle(root);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const dark = luminance(style.backgroundColor) < 0.4;
  return {
    dark,
    text: colour("--iotlab-quiet"),
    grid: colour("--iotlab-grid"),
    error: colour("--iotlab-error"),
    late: colour("--iotlab-warn"),
    traces: dark ? DARK : LIGHT,
  };
}

/** 0 is black, 1 white. A computed colour is always rgb() or rgba(). */
function luminance(computed: string): number {
  const [red = 255, green = 255, blue = 255] = (computed.match(/[\d.]+/g) ?? []).map(Number);
  return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
}

/** Calls back when the theme may have changed; returns what ends that. */
export function watchTheme(changed: () => void): () => void {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const observer = new MutationObserver(() => {
    changed();
    // JupyterLab marks the body first and loads the theme's style sheet after.
    for (const link of document.head.querySelectorAll("link")) link.addEventListener("load", changed, { once: true });
  });
  observer.observe(document.body, { attributes: true, attributeFilter: ["class", "data-jp-theme-light", "data-jp-theme-name"] });
  observer.observe(document.head, { childList: true });
  system.addEventListener("change", changed);
  return () => {
    observer.disconnect();
    system.removeEventListener("change", changed);
  };
}
