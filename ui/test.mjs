// Bundles each test of test/ for Node and runs them all.
import { build } from "esbuild";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { fromHost } from "./build.mjs";

const out = mkdtempSync(join(tmpdir(), "pages-"));
const entryPoints = readdirSync("test").map((name) => join("test", name));
const outExtension = { ".js": ".mjs" };
await build({ entryPoints, outdir: out, bundle: true, platform: "node", format: "esm", outExtension, logLevel: "error", plugins: [fromHost] });
const run = spawnSync(process.execPath, ["--test", ...readdirSync(out).map((name) => join(out, name))], { stdio: "inherit" });
rmSync(out, { recursive: true });
process.exit(run.status ?? 1);
