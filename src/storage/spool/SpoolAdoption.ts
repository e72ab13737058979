/**
 * Takes over what an earlier version has left directly in the folder of the settings, which several services may share.
 *
 * - **The files that are there decide**, each time the spool is opened. So what a crash has cut short is continued.
 * - **Only what is certain to be this service's.** Its database lies beside the folder, no other database does, no other
 *   service has a folder in it, and no entry is of a service of another cluster. What is not known counts as another's:
 *   it stays where it is, and is named in the log.
 * - **In order.** A file that is taken over comes before those whose entries are newer.
 */

// Each operation is one sequence of calls of Node.js that must not be interrupted halfway: promises fit.
// @effect-diagnostics asyncFunction:off

import { readdir, readFile, rename, rmdir } from "node:fs/promises"
import { basename, dirname, join, resolve } from "node:path"
import { SpoolFault } from "./SpoolDisk.ts"
import type { SpoolEntry } from "./SpooledPost.ts"
import { entryOf, scan } from "./SpoolFormat.ts"
import { isAlerts, isKept, nameOf, numberOf } from "./SpoolNames.ts"
import {
  filter,
  foldersIn,
  hasEntries,
  namesIn,
  ownerFile,
  some,
  type SpoolOwner,
  startsWith,
  syncFolder
} from "./SpoolPlace.ts"

/** Names that `folderOf` gives, and the suffix of a version that moved files in two steps. */
const ofAService = /-[0-9a-f]{8}(\.adopting)?$/
const adopting = ".adopting"

const isSpoolFile = (name: string): boolean => isAlerts(name) || isKept(name)

/** Whether a service uses a folder. A file system may have folders of its own there, such as `lost+found`. */
const isOfAService = async (path: string): Promise<boolean> => {
  try {
    return (await readdir(path)).some((name) => name === ownerFile || name === "lock" || isSpoolFile(name))
  } catch {
    return ofAService.test(basename(path))
  }
}

const isDatabase = (path: string): Promise<boolean> =>
  startsWith(path, 16, (start) => start.toString("latin1").startsWith("SQLite format 3")).catch(() => false)

/** Whether another service may have used this folder: also where nobody can tell which databases did. */
const isShared = async (root: string, directory: string, { database }: SpoolOwner): Promise<boolean> => {
  const beside = dirname(resolve(root))
  if (beside !== dirname(resolve(database))) return true
  const mine = new Set([directory, `${directory}${adopting}`])
  const folders = (await foldersIn(root)).map((name) => join(root, name)).filter((path) => !mine.has(path))
  if (await some(folders, isOfAService)) return true
  const others = (await readdir(beside, { withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name !== basename(database))
    .map(({ name }) => join(beside, name))
  return await some(others, isDatabase)
}

/** The clusters that a service works on, as a post shows them. What it only records, and ends, may be of any cluster. */
const clustersOf = ({ firing }: SpoolEntry): ReadonlyArray<string> =>
  firing.flatMap(({ observed, target }) => (observed === undefined ? [target.cluster] : []))

/** Whether a service of this cluster may have written a file. Nobody knows about one of which nothing can be read. */
const isAbout = async (path: string, cluster: string): Promise<boolean> => {
  const content = await readFile(path)
  const { dropped, places } = scan(content)
  if (places.length === 0) return dropped === 0
  return places.every(({ length, offset }) => {
    const entry = entryOf(content.subarray(offset, offset + length))
    return entry !== undefined && clustersOf(entry).every((name) => name === cluster)
  })
}

const pathsOf = async (directory: string, holds: (name: string) => boolean): Promise<ReadonlyArray<string>> =>
  (await namesIn(directory))
    .filter(holds)
    .toSorted()
    .map((name) => join(directory, name))

/** When the first entry of a file was received; `undefined` for an empty file. */
const receivedAt = async (path: string): Promise<string | undefined> => {
  if (!(await hasEntries(path))) return undefined
  const content = await readFile(path)
  const first = scan(content).places[0]
  return first && entryOf(content.subarray(first.offset, first.offset + first.length))?.at
}

/** Makes the number free in a folder: the files from there on get the next ones. Repeated after a crash, it is done. */
const makeRoom = async (directory: string, files: ReadonlyArray<string>, slot: number): Promise<void> => {
  for (const path of files.filter((each) => numberOf(basename(each)) >= slot).toReversed()) {
    const next = nameOf(numberOf(basename(path)) + 1)
    if (!isAlerts(next)) throw new SpoolFault({ reason: "failed", detail: `${directory} has no number for ${next}` })
    // oxlint-disable-next-line no-await-in-loop -- the last one first, or it would overwrite the next one
    await rename(path, join(directory, next))
  }
}

/** Moves a file with entries before those whose entries are newer, and behind `least`. Returns its number. */
const insert = async (path: string, directory: string, least: number): Promise<number> => {
  const at = await receivedAt(path)
  const here = await pathsOf(directory, isAlerts)
  const times = await Array.fromAsync(here, receivedAt)
  const newer = here.find((_, index) => at !== undefined && (times[index] ?? "") > at)
  const slot = Math.max(least + 1, numberOf(basename(newer ?? nameOf(numberOf(basename(here.at(-1) ?? "")) + 1))))
  await makeRoom(directory, here, slot)
  await rename(path, join(directory, nameOf(slot)))
  return slot
}

/** Moves everything that one folder has into another. Both are locked. */
const takeOver = async (from: string, to: string): Promise<void> => {
  let least = 0
  // oxlint-disable-next-line no-await-in-loop -- in order
  for (const path of await pathsOf(from, isAlerts)) least = await insert(path, to, least)
  const there = new Set(await namesIn(to))
  const kept = (await pathsOf(from, isKept)).filter((path) => !there.has(basename(path)))
  await Array.fromAsync(kept, (path) => rename(path, join(to, basename(path))))
  await syncFolder(to)
  await syncFolder(from)
}

/**
 * Takes over what belongs to the service, whose folder this process has locked. `lock` keeps a process of an earlier
 * version from the files, until the returned function is called. Returns the files with entries that nobody takes.
 */
export const adopt = async (
  root: string,
  directory: string,
  owner: SpoolOwner,
  lock: (root: string) => Promise<() => void>
): Promise<ReadonlyArray<string>> => {
  const halfDone = `${directory}${adopting}`
  if ((await foldersIn(root)).includes(basename(halfDone))) {
    await takeOver(halfDone, directory)
    // Another file in it is for a person.
    await rmdir(halfDone).catch(() => {})
  }
  const found = await pathsOf(root, isSpoolFile)
  if (found.length > 0 && !(await isShared(root, directory, owner))) {
    const release = await lock(root)
    try {
      const alerts = await pathsOf(root, isAlerts)
      if (!(await some(alerts, async (path) => !(await isAbout(path, owner.cluster))))) await takeOver(root, directory)
    } finally {
      release()
    }
  }
  const others = (await foldersIn(root)).filter((name) => name.endsWith(adopting)).map((name) => join(root, name))
  const left = (await Array.fromAsync([root, ...others], (path) => pathsOf(path, isAlerts))).flat()
  return await filter(left, hasEntries)
}
