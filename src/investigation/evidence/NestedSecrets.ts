/**
 * What is beneath the plural of a secret name: in `passwords:` every value is a secret, whatever its own name is.
 *
 * Beneath `tokens`, `secret`, `credentials`, `password` and keys there are settings as well, and names of objects, so a
 * value there is hidden only if it has letters and digits and its name does not say that it refers to something.
 */

import { anyCase } from "../../domain/AnyCase.ts"
import { namePrefix } from "../../domain/SecretNames.ts"

const always = "pass(?:words|wds|phrases|codes)|pwds|kennwörter|passwörter"
const often =
  "(?:api|access|account|encryption|private|secret|shared|signing)[_.-]?keys|tokens?|(?<!pull[_-]?)secrets?|credentials?|password|passwd"

// What follows may be a comment, an anchor, a tag, or the begin of JSON in several lines.
const head = anyCase(
  `^([ \\t]*(?:-[ \\t]+)?)(["']?${namePrefix}(?:(${always})|${often})["']?[ \\t]{0,4}:[ \\t]*(?:[{[]|#.*|[&!]\\S*)?[ \\t]*)$`
)
const flow = anyCase(
  `((?<![A-Za-z0-9])${namePrefix}(?:${always})\\\\{0,3}["']?\\s{0,10}[:=][ \\t]*\\{)([^{}]{1,4000})(?=\\})`,
  "g"
)

const entry = /^([ \t]*(?:-[ \t]+)*(?:["']?[^\s:#"'][^:#\n]{0,100}:[ \t]+|-[ \t]+))(\S[^\n]*)$/
const marked = /^["']?\[redacted:/
/** What says that there is none, where it is, or that more lines follow. */
const empty =
  /^["']?(?:|\{\}?|\[\]?|~|true|false|null|none|\*{3,}|\$\{[^}]*\}|\$\([^)]*\)|\{\{.*\}\}|#.*|[&*][\w-]+|(?:![\w!/-]*[ \t]+)?[|>][-+0-9]{0,2})["']?$/i
const referring =
  /(?:^|[\s"'_.-]|(?<=[a-z]))(?:name|namespace|kind|ref|secret|file|path|mount|url|host|version|image|type|provider|key|id|ttl|user|email|source|target)["']?:[ \t]+$/i
/** How many there are, or how long they are. */
const setting = /(?:min|max|len|count|rounds|cost|days|age|ttl|history)[^:]*:[ \t]+["']?\d{1,5}["']?$/i
const looksSecret = /^(?=\S*\d)(?=\S*[A-Za-z])[^\s/]{8,}$/

const indentOf = (line: string): number => line.length - line.trimStart().length

interface Parent {
  readonly indent: number
  readonly always: boolean
}

const isBeneath = (line: string, { indent }: Parent): boolean =>
  indentOf(line) > indent || (indentOf(line) === indent && /^[ \t]*-(?:[ \t]|$)/.test(line))

const blockScalar = /(?:^|[ \t])[|>][-+0-9]{0,2}$/
const nameOnly = /^[ \t]*(?:-[ \t]*)*(?:["']?[^\s:"'][^:\n]{0,100}["']?:)?[ \t]*$/

/** Goes through the lines of a text and keeps what they are beneath. */
class Lines {
  private parent: Parent | undefined
  /** The indentation of the entry whose block scalar is being read. */
  private block: number | undefined
  private readonly mark: string

  constructor(mark: string) {
    this.mark = mark
  }

  next(line: string): string {
    if (line.trim() === "") return line
    if (this.parent !== undefined && !isBeneath(line, this.parent)) this.parent = undefined
    if (this.parent !== undefined) return this.beneath(line, this.parent)
    this.block = undefined
    const found = head.exec(line)
    if (found !== null)
      this.parent = { indent: (found[1] ?? "").replace(/-[ \t]+$/, "").length, always: found[3] !== undefined }
    return line
  }

  private beneath(line: string, { always: isSecret }: Parent): string {
    const whole = `${line.slice(0, indentOf(line))}${this.mark}`
    if (this.block !== undefined && indentOf(line) > this.block)
      return isSecret && !marked.test(line.trim()) ? whole : line
    this.block = undefined
    const [, before = "", rest = ""] = entry.exec(line) ?? []
    const value = rest.trimEnd()
    if (blockScalar.test(value)) this.block = indentOf(line)
    if (value === "") return !isSecret || nameOnly.test(line) || marked.test(line.trim()) ? line : whole
    if (marked.test(value) || empty.test(value) || setting.test(line.trimEnd())) return line
    const isHidden = isSecret || (!referring.test(before) && looksSecret.test(value.replace(/^["']|["']$/g, "")))
    return isHidden ? `${before}${this.mark}` : line
  }
}

/** Replaces the values beneath such a name by `mark`. In JSON the ends of lines are escaped. */
export const replaceNested = (text: string, mark: string): string => {
  const lines = new Lines(mark)
  return text
    .split(/(\r?\n|\\n)/)
    .map((part, index) => (index % 2 === 0 ? lines.next(part) : part))
    .join("")
    .replace(
      flow,
      (_match, name: string, entries: string) =>
        name
        + entries.replace(
          /([:=][ \t]*)(?!["']?\[redacted:|\s)(?:\\{0,3}"[^"\\\n]*\\{0,3}"|'[^'\n]*'|[^\s,"'\\]+)/g,
          `$1"${mark}"`
        )
    )
}
