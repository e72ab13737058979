/**
 * The hosts in a text, such as a file in a ConfigMap or a variable, each with its place. Pure.
 *
 * The place tells `primary: blue` from `replica: blue`: it is the keys that lead to a word, by indentation, by
 * sections, or in JSON by its fields. Words of one place are in their order. A host may be any word, so it is in doubt
 * unless the text says that it is one: as part of an address such as `http://blue`, or by a key such as `host`.
 *
 * All expressions here are linear, so no text is cut.
 */

import type { ResourceRef } from "../../domain/Target.ts"

/** A word that may be the name of a Service. */
export interface Host {
  readonly place: string
  readonly service: ResourceRef
  /** Whether the text says that it is a host. */
  readonly isSure: boolean
}

/** Where a text stands: its place, and the key by which it is told whether it holds hosts. */
export interface Spot {
  readonly place: string
  readonly key: string
  readonly namespace: string
  /** Whether there is such a Service, or may be. Any other word is none: a file may have a hundred thousand of them. */
  readonly isKnown: (service: ResourceRef) => boolean
}

const words = /(?<![\w.-])([a-z](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9][a-z0-9-]*)*)\.?(?![\w.-])/g

/** What the last word of a key ends with, if it holds hosts. */
const ofHosts =
  /(host|hostname|url|uri|addr|address|endpoint|server|upstream|backend|broker|proxy|dsn|primary|replica|master|slave|leader|writer|reader|forward|origin|target|db)(s|es)?$/

/** Whether what a key holds is a host. `server.name` and `DB_USER` are names, and `db.host-2` and `hostName` are hosts. */
const holdsHost = (key: string): boolean => {
  const parts = key
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter((part) => part !== "")
  const last = parts.at(-1)
  return last !== undefined && (last === "name" ? parts.at(-2) === "host" : ofHosts.test(last))
}

/** A port after a host. An image has a tag there. */
const port = /^:\d{2,5}(?![\w.-])/

/** The key right before a word in its line, such as `host` in `host=blue port=5432`. */
const inlineKey = /(?<![\w.-])["']?([\w.-]+)["']?\s{0,4}[=:]\s{0,4}["']?$/
const inlineRead = 80

/** A pod of a StatefulSet has a host beneath that of its Service. */
const isOrdinal = (label: string | undefined): boolean => label !== undefined && /-\d+$/.test(label)

/** The Services that a host may be one of: `payments`, `payments.shop`, `db-0.db`, `payments.shop.svc.cluster.local`. */
const servicesOf = (host: string, namespace: string): ReadonlyArray<ResourceRef> => {
  const labels = host.split(".")
  const [first = "", second, third] = labels
  const named = (name: string | undefined, within = namespace): ReadonlyArray<ResourceRef> =>
    name === undefined ? [] : [{ namespace: within, kind: "Service", name }]
  const service = labels.indexOf("svc")
  if (service >= 2) return named(labels[service - 2], labels[service - 1])
  if (second === undefined) return named(first)
  if (third === undefined) return [...named(first, second), ...(isOrdinal(first) ? named(second) : [])]
  return labels.length === 3 && isOrdinal(first) ? named(second, third) : []
}

/** The hosts in one line. What follows a slash is a path. */
const hostsInLine = (line: string, { isKnown, key, namespace, place }: Spot): ReadonlyArray<Host> =>
  [...line.matchAll(words)].flatMap(({ 0: all, 1: host = "", index }) => {
    const services = servicesOf(host, namespace).filter(isKnown)
    if (services.length === 0) return []
    const before = line.slice(Math.max(0, index - inlineRead), index)
    const next = line.slice(index + all.length, index + all.length + 8)
    if ((before.endsWith("/") && !before.endsWith("//")) || next.startsWith("=")) return []
    const inner = inlineKey.exec(before)?.[1]
    const isAddress = /(\/\/|@)$/.test(before) || (port.test(next) && !/image$/i.test(inner ?? key))
    const isSure = isAddress || host.includes(".svc") || holdsHost(inner ?? key)
    const at = inner === undefined ? place : `${place}/${inner}`
    return services.map((service) => ({ place: at, service, isSure }))
  })

/** Whether a text has any known host, so that it is worth to be read for its places. */
export const hasHost = (text: string, { isKnown, namespace }: Spot): boolean => {
  for (const [, host = ""] of text.matchAll(words)) if (servicesOf(host, namespace).some(isKnown)) return true
  return false
}

const keyed = /^(["']?)(\w[\w./-]*)\1\s*(?::(?=\s|$)|=)\s*(.*)$/
const headed = /^([A-Za-z_][\w.-]*)\s+(\S.*)$/
const section = /^\[+([^\]]+)\]+$/
const comment = /^(#|;|\/\/)/
const identities: ReadonlySet<string> = new Set(["name", "id", "match", "path", "prefix"])

interface Level {
  readonly indent: number
  readonly place: string
  readonly key: string
  readonly isItem: boolean
}

/** Where each line of a text stands, by its indentation. */
class Outline {
  private levels: Array<Level> = []
  private root: Level
  private readonly spot: Spot

  constructor(spot: Spot) {
    this.spot = spot
    this.root = { indent: -1, place: spot.place, key: spot.key, isItem: false }
  }

  private above(indent: number, isItem: boolean): Level {
    while (this.levels.length > 0) {
      const last = this.levels.at(-1)!
      // A list may be as far to the right as its key.
      if (last.indent < indent || (isItem && last.indent === indent && !last.isItem)) return last
      this.levels.pop()
    }
    return this.root
  }

  hostsIn(line: string): ReadonlyArray<Host> {
    const trimmed = line.trim()
    if (trimmed === "" || comment.test(trimmed)) return []
    const title = section.exec(trimmed)?.[1]
    if (title !== undefined && !title.includes(",")) {
      this.levels = []
      this.root = { ...this.root, place: `${this.spot.place}/[${title}]` }
      return []
    }
    const indent = line.length - line.trimStart().length
    const isItem = /^-\s/.test(trimmed)
    const text = isItem ? trimmed.slice(1).trimStart() : trimmed
    const above = this.above(indent, isItem)
    const pair = keyed.exec(text)
    const [key, value] = pair === null ? (headed.exec(text)?.slice(1) ?? []) : [pair[2], pair[3]]
    if (key === undefined || value === undefined)
      return hostsInLine(text, { ...this.spot, place: `${above.place}[]`, key: above.key })
    const parent = isItem ? this.item(above, indent, key, value) : above
    const place = `${parent.place}/${key}`
    const opens = text.endsWith("{")
    if (opens || /^([|>][+-]?)?$/.test(value))
      this.levels.push({
        indent: indent + trimmed.length - text.length,
        place: opens ? `${parent.place}/${text}` : place,
        key,
        isItem: false
      })
    return hostsInLine(value, { ...this.spot, place, key })
  }

  /** An item of a list is known by its name. The others are compared by their order, like the hosts of one line. */
  private item(above: Level, indent: number, key: string, value: string): Level {
    const { isKnown, namespace } = this.spot
    const isNamed = identities.has(key) && !isKnown({ namespace, kind: "Service", name: value.replace(/["']/g, "") })
    const level = { indent, place: `${above.place}[${isNamed ? value : ""}]`, key: above.key, isItem: true }
    this.levels.push(level)
    return level
  }
}

/** The hosts in all lines of a text. */
export const hostsInText = (text: string, spot: Spot): ReadonlyArray<Host> => {
  if (!text.includes("\n")) return hostsInLine(text, spot)
  const outline = new Outline(spot)
  return text.split("\n").flatMap((line) => outline.hostsIn(line))
}

const deepest = 60

/** A text that is JSON, unless it is too deep to be read by recursion. */
export const jsonIn = (text: string): unknown => {
  if (!/^\s*[[{]/.test(text)) return undefined
  let depth = 0
  for (const character of text) {
    if (character === "{" || character === "[") depth += 1
    if (character === "}" || character === "]") depth -= 1
    if (depth > deepest) return undefined
  }
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
