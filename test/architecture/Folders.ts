/** Folders and files are named after concepts, test mirrors src, and ARCHITECTURE.md has a line for each folder. */

const nameless = /(^|\/)(utils?|common|helpers?|types?|errors?|misc|lib|services|layers)(\.ts)?(\/|$)/i

export const namelessPaths = (paths: Iterable<string>): ReadonlyArray<string> =>
  [...paths]
    .filter((path) => /^(src|test)\//.test(path) && nameless.test(path))
    .map((path) => `${path}: name it after the concept it holds`)

/** Folders of test that cover more than one folder of src. */
export const testOnly: ReadonlyArray<string> = [
  "architecture",
  "benchmark",
  "cases",
  "conformance",
  "integration",
  "peers",
  "simulation"
]

export const unmirrored = (
  testFolders: ReadonlyArray<string>,
  sourceFolders: ReadonlyArray<string>
): ReadonlyArray<string> =>
  testFolders
    .filter((folder) => !sourceFolders.includes(folder) && !testOnly.includes(folder))
    .map((folder) => `test/${folder} mirrors no src/${folder}`)

/** A folder is described where a line names it as `src/folder` or `folder/`. */
export const undescribed = (folders: ReadonlyArray<string>, architecture: string): ReadonlyArray<string> =>
  folders
    .filter((folder) => !new RegExp(`\\bsrc/${folder}\\b|(^|[\\s\`|])${folder}/`, "m").test(architecture))
    .map((folder) => `ARCHITECTURE.md has no line for src/${folder}`)
