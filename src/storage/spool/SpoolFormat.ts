/**
 * The content of a spool file: one entry a line, so that a person can read it, and a damaged line hides no other.
 *
 *     3a91c0de 412 {"spool":"01KBT…","sequence":7,"at":"2026-11-24T03:00:00.000Z","source":"am",…}
 *     checksum length-in-bytes entry as JSON, which contains no line break
 *
 * A refusal is a line of its own, behind the entries that it names:
 *
 *     5b02e7f1 98 {"spool":"01KBT…","refused":[{"spool":"01KBT…","sequence":7}]}
 *
 * A file may be longer than its lines: the rest is filled with zeros, which reserve space on the disk.
 *
 * The first entry names the use of the file. A process that finds entries in it adds its own under a name that begins
 * with that use: `01KBT…` is followed by `01KBT….01KBX…`, whose numbers begin at 1. Pure.
 */

import { crc32 } from "node:zlib"
import { Option, Schema } from "effect"
import { alertsIn, SpoolEntry } from "./SpooledPost.ts"

/** Where an entry is in its file, in bytes, with its line break. */
export interface Place {
  readonly offset: number
  readonly length: number
  readonly spool: string
  readonly sequence: number
  readonly alerts: number
  /** It is there for its number alone: nobody acknowledged its post. */
  readonly isRefused: boolean
}

/** What identifies an entry. */
export type EntryId = Pick<SpoolEntry, "spool" | "sequence">

/** Says that the posts of entries were refused. Nobody ever acknowledged them, so they must not be replayed. */
const Refusal = Schema.Struct({
  /** The name under which the process counts the entries that it adds to this file. */
  spool: SpoolEntry.fields.spool,
  refused: Schema.Array(Schema.Struct({ spool: SpoolEntry.fields.spool, sequence: SpoolEntry.fields.sequence }))
})
type Refusal = typeof Refusal.Type

/** What is found in a file. */
export interface Scanned {
  /** The use that the lines belong to; absent without lines. */
  readonly use?: string
  /**
   * In order. A number that is missing is a damaged entry, or one that was replayed before the file was cleared. Those
   * that were refused are there if another one follows under their name, which would seem to have lost them.
   */
  readonly places: ReadonlyArray<Place>
  /** The entries that were refused. They may be in an earlier file. */
  readonly refused: ReadonlyArray<EntryId>
  /** Where the next line goes: after the last one that can be read. */
  readonly end: number
  /** The bytes after that which are no reserved space: an entry that a crash cut short, which nobody acknowledged. */
  readonly dropped: number
}

const lineBreak = 0x0a
const separator = "."

/** The name under which a process counts the entries that it adds to a file of this use. */
export const nameIn = (use: string | undefined, own: string): string =>
  use === undefined ? own : `${use}${separator}${own}`

const useOf = (spool: string): string => spool.split(separator, 1)[0]!

const Line = Schema.fromJsonString(Schema.Union([SpoolEntry, Refusal]))
const decode = Schema.decodeUnknownOption(Line)
const encode = Schema.encodeSync(Line)

const checksum = (json: Uint8Array): string => crc32(json).toString(16).padStart(8, "0")

/** An entry or a refusal as the bytes of its line. */
export const lineOf = (content: SpoolEntry | Refusal): Uint8Array => {
  const json = Buffer.from(encode(content))
  return Buffer.concat([Buffer.from(`${checksum(json)} ${json.length} `), json, Buffer.from("\n")])
}

/** The content of a line, with or without its line break; `undefined` if the line is damaged. */
const contentOf = (line: Uint8Array): SpoolEntry | Refusal | undefined => {
  const bytes = Buffer.from(line.buffer, line.byteOffset, line.byteLength)
  const head = /^([0-9a-f]{8}) (\d{1,10}) /.exec(bytes.toString("latin1", 0, 24))
  if (head === null) return undefined
  const json = bytes.subarray(head[0].length, head[0].length + Number(head[2]))
  const rest = bytes.length - head[0].length - json.length
  const isWhole = json.length === Number(head[2]) && (rest === 0 || (rest === 1 && bytes.at(-1) === lineBreak))
  return isWhole && checksum(json) === head[1] ? Option.getOrUndefined(decode(json.toString())) : undefined
}

/** The entry of a line, with or without its line break; `undefined` if the line is damaged, or has none. */
export const entryOf = (line: Uint8Array): SpoolEntry | undefined => {
  const content = contentOf(line)
  return content !== undefined && "sequence" in content ? content : undefined
}

/** The entries that a line says were refused. */
export const refusedIn = (line: Uint8Array): ReadonlyArray<EntryId> => {
  const content = contentOf(line)
  return content !== undefined && "refused" in content ? content.refused : []
}

/** Marks entries that were refused, and leaves out those that no other one follows under their name. */
export const refuse = (places: ReadonlyArray<Place>, refused: ReadonlyArray<EntryId>): ReadonlyArray<Place> => {
  const keys = new Set(refused.map(({ sequence, spool }) => `${spool} ${sequence}`))
  const marked = places.map((place) => ({
    ...place,
    isRefused: place.isRefused || keys.has(`${place.spool} ${place.sequence}`)
  }))
  const last = new Map(marked.filter(({ isRefused }) => !isRefused).map(({ sequence, spool }) => [spool, sequence]))
  return marked.filter(({ sequence, spool }) => sequence <= (last.get(spool) ?? 0))
}

/** The first byte at or after `from` that is not zero. */
const afterZeros = (content: Uint8Array, from: number): number => {
  let at = from
  while (at < content.length && content[at] === 0) at++
  return at
}

/**
 * Reads the whole content of a file. Lines that are damaged, or that remain from an earlier use of the file, are passed
 * over: the numbers of the entries show what is missing.
 */
export const scan = (content: Uint8Array): Scanned => {
  const places: Array<Place> = []
  const refused: Array<EntryId> = []
  /** The last number under each name. */
  const reached = new Map<string, number>()
  let use: string | undefined
  let end = 0
  let from = afterZeros(content, 0)
  while (from < content.length) {
    const breakAt = content.indexOf(lineBreak, from)
    if (breakAt === -1) break
    const line = contentOf(content.subarray(from, breakAt + 1))
    use ??= line && useOf(line.spool)
    if (line !== undefined && useOf(line.spool) === use) {
      if ("refused" in line) {
        end = breakAt + 1
        refused.push(...line.refused)
      } else if (line.sequence > (reached.get(line.spool) ?? 0)) {
        const { sequence, spool } = line
        end = breakAt + 1
        reached.set(spool, sequence)
        places.push({ offset: from, length: end - from, spool, sequence, alerts: alertsIn(line), isRefused: false })
      }
    }
    from = afterZeros(content, breakAt + 1)
  }
  let last = content.length
  while (last > end && content[last - 1] === 0) last--
  return { ...(use === undefined ? {} : { use }), places: refuse(places, refused), refused, end, dropped: last - end }
}
