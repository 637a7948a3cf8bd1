// Builds what Slipway commits from its front-end packages: bundles, the icon sprite and the licences. See README.md.
import { build } from "esbuild";
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";

const used = new Set(["idiomorph", "lucide-static"]);

const result = await build({
  entryPoints: ["editor.entry.mjs"],
  outfile: "codemirror.js",
  bundle: true,
  minify: true,
  format: "iife",
  globalName: "CodeMirrorForSlipway",
  target: "es2020",
  legalComments: "none",
  metafile: true,
});
for (const path of Object.keys(result.metafile.inputs)) {
  const name = path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)\//);
  if (name) used.add(name[1]);
}

copyFileSync("node_modules/idiomorph/dist/idiomorph.min.js", "idiomorph.js");

const symbols = JSON.parse(readFileSync("icons.json", "utf8")).map((name) => {
  const svg = readFileSync(`node_modules/lucide-static/icons/${name}.svg`, "utf8");
  const shapes = svg.replace(/^[\s\S]*?<svg[^>]*>/, "").replace("</svg>", "").replace(/\s*\n\s*/g, "");
  return `<symbol id="${name}" viewBox="0 0 24 24">${shapes}</symbol>`;
});
writeFileSync("icons.svg", `<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join("\n")}\n</svg>\n`);

rmSync("LICENSES", { recursive: true, force: true });
mkdirSync("LICENSES");
const versions = [];
for (const name of [...used].sort()) {
  const folder = `node_modules/${name}`;
  const { version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (!file || !existsSync(`${folder}/${file}`)) throw new Error(`${name} carries no licence file`);
  copyFileSync(`${folder}/${file}`, `LICENSES/${name.replace("@", "").replace("/", "-")}.txt`);
  versions.push(`${name} ${version} (${license})`);
}
writeFileSync("LICENSES/README.txt", `Bundled in this folder:\n${versions.map((line) => `- ${line}`).join("\n")}\n`);
