// Bundles one ES module and one style sheet per widget, with everything that they need inside.
import { copyFile } from "node:fs/promises";
import { build } from "esbuild";
import { fileURLToPath } from "node:url";

const here = new URL(".", import.meta.url);
const out = process.argv[2] ?? fileURLToPath(new URL("../iotlab/widgets/static", here));

await build({
  absWorkingDir: fileURLToPath(here),
  entryPoints: ["src/live.ts"],
  bundle: true,
  format: "esm",
  target: "es2021",
  minify: true,
  legalComments: "inline",
  outdir: out,
  logLevel: "warning",
});

// The licence of what is bundled has to go where the bundle goes.
await copyFile(new URL("node_modules/uplot/LICENSE", here), `${out}/uplot-LICENSE.txt`);
