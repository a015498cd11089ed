// Builds src/main.tsx into the Python package: one script that takes React, its router and Chakra from Airflow's own page.
import { build } from "esbuild";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const STATIC = fileURLToPath(new URL("../airflow_dataflow_ext/plugin/static/", import.meta.url));
const HOST = {
  react: "React",
  "react/jsx-runtime": "ReactJSXRuntime",
  "react-router-dom": "ReactRouterDOM",
  "@chakra-ui/react": "ChakraUI",
};

export const fromHost = {
  name: "from-host",
  setup(building) {
    building.onResolve({ filter: /.*/ }, ({ path }) => (path in HOST ? { path, namespace: "host" } : undefined));
    building.onLoad({ filter: /.*/, namespace: "host" }, ({ path }) => ({ contents: `module.exports = globalThis.${HOST[path]};` }));
  },
};

// The licences of all packages except development tools, because the bundle may contain code of any of them.
async function licences() {
  const { packages } = JSON.parse(await readFile(new URL("package-lock.json", import.meta.url), "utf8"));
  const bundled = Object.entries(packages).filter(([folder, { dev }]) => folder && !dev);
  const texts = bundled.map(async ([folder, { version, license }]) => {
    const text = await readFile(new URL(`${folder}/LICENSE`, import.meta.url), "utf8");
    return `${folder.replace("node_modules/", "")} ${version} (${license}), part of jobs.js\n\n${text.trim()}\n`;
  });
  return (await Promise.all(texts)).join("\n\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await build({
    entryPoints: [fileURLToPath(new URL("src/main.tsx", import.meta.url))],
    outfile: `${STATIC}jobs.js`,
    bundle: true,
    minify: true,
    format: "iife",
    target: "es2022",
    jsx: "automatic",
    legalComments: "none",
    charset: "utf8",
    plugins: [fromHost],
  });
  await writeFile(`${STATIC}LICENSES.txt`, await licences());
}
