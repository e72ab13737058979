/**
 * Builds the npm package in dist/: `npm run build && npm publish ./dist`.
 *
 * The repository runs from its TypeScript sources, and its package.json points to them. Node does not strip types below
 * node_modules, so the package contains JavaScript, declarations, and its own package.json. Dependencies are not
 * bundled. `effect` is a peer dependency, because an embedder and Kubernaut must share one copy of it.
 */

import { spawnSync } from "node:child_process"
import {
  copyFileSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync
} from "node:fs"
import { basename, dirname, join } from "node:path"
import { build } from "esbuild"

const root = dirname(dirname(import.meta.dirname))
process.chdir(root)

interface Manifest {
  readonly [field: string]: unknown
  readonly name: string
  readonly exports: Readonly<Record<string, string>>
  readonly bin: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
}

const manifest = JSON.parse(readFileSync("package.json", "utf8")) as Manifest

/** `./src/simulation/index.ts` is built as `simulation/index`. */
const outputName = (source: string): string => source.replace(/^\.\/src\//, "").replace(/\.ts$/, "")

const entries = [...Object.values(manifest.exports), ...Object.values(manifest.bin)].filter((path) =>
  path.endsWith(".ts")
)

/**
 * Copies assets such as rulebooks. A module reads an asset as `new URL("./folder/file", import.meta.url)`. All chunks
 * are in dist/ itself, so the folder of the asset is copied there.
 */
const copyAssets = (): void => {
  const from = new Map<string, string>()
  for (const path of globSync("src/*/**/*").filter((file) => statSync(file).isFile() && !file.endsWith(".ts"))) {
    const target = path.split("/").slice(-2).join("/")
    const other = from.get(target)
    if (other !== undefined) throw new Error(`${path} and ${other} would both become dist/${target}: rename one`)
    from.set(target, path)
    mkdirSync(join("dist", dirname(target)), { recursive: true })
    copyFileSync(path, join("dist", target))
  }
}

const publishedManifest = (): object => {
  const { name, version, description, license, type, engines } = manifest
  const { effect = "", ...dependencies } = manifest.dependencies
  const exports = Object.fromEntries(
    Object.entries(manifest.exports).map(([path, source]) =>
      source.endsWith(".ts")
        ? [path, { types: `./types/${outputName(source)}.d.ts`, default: `./${outputName(source)}.js` }]
        : [path, source]
    )
  )
  const bin = Object.fromEntries(
    Object.entries(manifest.bin).map(([command, source]) => [command, `./${outputName(source)}.js`])
  )
  return {
    name,
    version,
    description,
    license,
    type,
    engines,
    exports,
    bin,
    dependencies,
    peerDependencies: { effect: `^${effect}` }
  }
}

rmSync("dist", { recursive: true, force: true })
await build({
  entryPoints: Object.fromEntries(entries.map((source) => [outputName(source), source])),
  outdir: "dist",
  bundle: true,
  splitting: true,
  chunkNames: "chunk-[hash]",
  format: "esm",
  platform: "node",
  target: "node24",
  packages: "external",
  // The package does not import itself by name.
  external: [manifest.name],
  sourcemap: true,
  sourcesContent: false,
  logLevel: "warning"
})
copyAssets()
const types = spawnSync("node_modules/.bin/tsc", ["-p", "scripts/build/tsconfig.json"], { stdio: "inherit" })
if (types.status !== 0) process.exit(types.status ?? 1)
for (const file of ["LICENSE", "README.md"].filter((name) => existsSync(name)))
  cpSync(file, join("dist", basename(file)))
writeFileSync("dist/package.json", `${JSON.stringify(publishedManifest(), null, 2)}\n`)
