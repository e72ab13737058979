/**
 * The content of a spool file: one entry a line, so that a person can read it, and a damaged line hides no other.
 *
 *     3a91c0de 412 {"spool":"01KBT…","sequence":7,"at":"2026-11-24T03:00:00.000Z","source":"am",…}
 *     checksum length-in-bytes entry as JSON, which contains no line break
 *
 * A file may be longer than its entries: the rest is filled with zeros, which reserve space on the disk.
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
}

/** What is found in a file. */
export interface Scanned {
  /** The use that the entries belong to; absent without entries. */
  readonly use?: string
  /** In order. A number that is missing is a damaged entry, or one that was replayed before the file was cleared. */
  readonly places: ReadonlyArray<Place>
  /** Where the next entry goes: after the last one that can be read. */
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

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(SpoolEntry))
const encode = Schema.encodeSync(Schema.fromJsonString(SpoolEntry))

const checksum = (json: Uint8Array): string => crc32(json).toString(16).padStart(8, "0")

/** An entry as the bytes of its line. */
export const lineOf = (entry: SpoolEntry): Uint8Array => {
  const json = Buffer.from(encode(entry))
  return Buffer.concat([Buffer.from(`${checksum(json)} ${json.length} `), json, Buffer.from("\n")])
}

/** The entry of a line, with or without its line break; `undefined` if the line is damaged. */
export const entryOf = (line: Uint8Array): SpoolEntry | undefined => {
  const bytes = Buffer.from(line.buffer, line.byteOffset, line.byteLength)
  const head = /^([0-9a-f]{8}) (\d{1,10}) /.exec(bytes.toString("latin1", 0, 24))
  if (head === null) return undefined
  const json = bytes.subarray(head[0].length, head[0].length + Number(head[2]))
  const rest = bytes.length - head[0].length - json.length
  const isWhole = json.length === Number(head[2]) && (rest === 0 || (rest === 1 && bytes.at(-1) === lineBreak))
  return isWhole && checksum(json) === head[1] ? Option.getOrUndefined(decode(json.toString())) : undefined
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
  /** The last number under each name. */
  const reached = new Map<string, number>()
  let use: string | undefined
  let end = 0
  let from = afterZeros(content, 0)
  while (from < content.length) {
    const breakAt = content.indexOf(lineBreak, from)
    if (breakAt === -1) break
    const entry = entryOf(content.subarray(from, breakAt + 1))
    use ??= entry && useOf(entry.spool)
    if (entry !== undefined && useOf(entry.spool) === use && entry.sequence > (reached.get(entry.spool) ?? 0)) {
      const { sequence, spool } = entry
      end = breakAt + 1
      reached.set(spool, sequence)
      places.push({ offset: from, length: end - from, spool, sequence, alerts: alertsIn(entry) })
    }
    from = afterZeros(content, breakAt + 1)
  }
  let last = content.length
  while (last > end && content[last - 1] === 0) last--
  return { ...(use === undefined ? {} : { use }), places, end, dropped: last - end }
}
