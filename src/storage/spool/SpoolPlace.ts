/**
 * Which folder is the spool of a service, and whose entries are in it.
 *
 *     spool/                                the folder of the settings, which several services may share
 *       prod-kubernaut.db-5c1f09ab/         one service: cluster and database file
 *         owner.json                        the database whose entries these are
 *         alerts-000001.spool
 *
 * - **The folder is found without the database**, which cannot be opened when the spool is needed most. So its name
 *   follows from the settings. It does not change when database and spool are moved together.
 * - **The database is known by an identity that is stored in it.** When it is open, a folder that belongs to another one
 *   is left alone: nothing is added to it or replayed from it.
 * - **What is not understood is not absent.** An `owner.json` that cannot be read keeps the folder from every database.
 */

// Each operation is one sequence of calls of Node.js that must not be interrupted halfway: promises fit.
// @effect-diagnostics asyncFunction:off

import { createHash } from "node:crypto"
import type { Dirent } from "node:fs"
import { open, readdir, readFile } from "node:fs/promises"
import { basename, dirname, join, relative, resolve } from "node:path"
import { Option, Schema } from "effect"
import * as SmallFile from "../SmallFile.ts"
import { SpoolFault } from "./SpoolDisk.ts"
import { scan } from "./SpoolFormat.ts"
import { isAlerts, isAside } from "./SpoolNames.ts"

/** The service that a folder is for, as the settings name it. */
export interface SpoolOwner {
  readonly cluster: string
  /** The path of the database. */
  readonly database: string
}

const Owner = Schema.fromJsonString(
  Schema.Struct({
    /** The identity of the database. */
    identity: Schema.String,
    /** For people. */
    database: Schema.optionalKey(Schema.String),
    cluster: Schema.optionalKey(Schema.String)
  })
)
const decode = Schema.decodeUnknownOption(Owner)
const encode = Schema.encodeSync(Owner)

export const ownerFile = "owner.json"

const inName = (text: string): string => text.replaceAll(/[^A-Za-z0-9._-]+/g, "_").slice(0, 40)

/** The folder of one service. */
export const folderOf = (root: string, { cluster, database }: SpoolOwner): string => {
  const path = relative(resolve(root), resolve(database))
  const digest = createHash("sha256")
    .update(JSON.stringify([cluster, path]))
    .digest("hex")
    .slice(0, 8)
  return join(root, `${inName(cluster)}-${inName(basename(database))}-${digest}`)
}

const entriesIn = (directory: string): Promise<ReadonlyArray<Dirent>> =>
  readdir(directory, { withFileTypes: true }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return []
    throw cause
  })

/** The names in a folder; none if there is no such folder. */
export const namesIn = async (directory: string): Promise<ReadonlyArray<string>> =>
  (await entriesIn(directory)).map(({ name }) => name)

/** The names of the folders in a folder; none if there is no such folder. */
export const foldersIn = async (directory: string): Promise<ReadonlyArray<string>> =>
  (await entriesIn(directory)).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))

/**
 * Which of some paths `holds` is true of. One after the other: on a disk that hangs, each operation takes one of the
 * few threads of Node.js, and does not give it back.
 */
export const filter = async (
  paths: ReadonlyArray<string>,
  holds: (path: string) => Promise<boolean>
): Promise<ReadonlyArray<string>> =>
  (await Array.fromAsync(paths, async (path) => ((await holds(path)) ? [path] : []))).flat()

/** Whether `holds` is true of one of some paths. */
export const some = async (paths: ReadonlyArray<string>, holds: (path: string) => Promise<boolean>): Promise<boolean> =>
  (await filter(paths, holds)).length > 0

/** Whether `holds` is true of the first bytes of a file. */
export const startsWith = async (path: string, length: number, holds: (start: Buffer) => boolean): Promise<boolean> => {
  const handle = await open(path, "r")
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, 0)
    return holds(buffer.subarray(0, bytesRead))
  } finally {
    await handle.close()
  }
}

/** An empty file has reserved space, which is zeros. */
export const hasEntries = (path: string): Promise<boolean> =>
  startsWith(path, 4096, (start) => start.some((byte) => byte !== 0))

/** The names in a folder are on disk when this returns. */
export const syncFolder = async (directory: string): Promise<void> => {
  const handle = await open(directory, "r")
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** How many alerts wait in a folder, for people. */
const waitingIn = async (directory: string): Promise<string> => {
  const names = (await namesIn(directory)).filter((name) => isAlerts(name) || isAside(name))
  const places = await Array.fromAsync(names, async (name) => scan(await readFile(join(directory, name))).places)
  const alerts = places.flat().reduce((sum, each) => sum + each.alerts, 0)
  return `${alerts} alert${alerts === 1 ? " waits" : "s wait"} there`
}

/** The database that a folder belongs to; `undefined` if it has none yet. */
const ownerOf = async (directory: string) => {
  const path = join(directory, ownerFile)
  const content = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return undefined
    throw cause
  })
  if (content === undefined) return undefined
  const owner = Option.getOrUndefined(decode(content))
  if (owner !== undefined) return owner
  throw new SpoolFault({
    reason: "foreign",
    detail: `${path} cannot be read, so nobody knows whose ${directory} is. ${await waitingIn(directory)}. If it is that of this database, remove ${path}, and what waits there is stored in it`
  })
}

const write = async (directory: string, content: string): Promise<void> => {
  await SmallFile.replace(join(directory, ownerFile), content)
  await syncFolder(directory)
}

/**
 * Gives the folder to the database with this identity. Fails with a `SpoolFault` if it belongs to another one. Returns
 * other folders of the same database in which alerts wait: it had another path, or its cluster another name.
 */
export const claim = async (
  directory: string,
  identity: string,
  owner?: SpoolOwner
): Promise<ReadonlyArray<string>> => {
  const found = await ownerOf(directory)
  if (found !== undefined && found.identity !== identity)
    throw new SpoolFault({
      reason: "foreign",
      detail: `${directory} belongs to another database${found.cluster === undefined ? "" : ` of the cluster ${found.cluster}`}. ${await waitingIn(directory)}. If this database has replaced that one, remove ${join(directory, ownerFile)}, and what waits there is stored in this one`
    })
  if (found === undefined) await write(directory, encode({ identity, ...owner }))
  if (owner === undefined) return []
  const root = dirname(directory)
  const others = (await foldersIn(root)).map((name) => join(root, name)).filter((path) => path !== directory)
  const isOurs = async (path: string): Promise<boolean> =>
    // One that cannot be read is reported by its own service.
    (await ownerOf(path).catch(() => undefined))?.identity === identity
    && (await some(
      (await namesIn(path)).filter(isAlerts).map((name) => join(path, name)),
      hasEntries
    ))
  return await filter(others, isOurs)
}
