/**
 * Patterns that ignore the case of letters, except in their groups `(?-i:…)`.
 *
 * **Details**
 *
 * The engine has a flag and groups for this. In a large pattern its groups are not reliable (V8 in Node 26): what comes
 * after one, or the second alternative in it, is compiled with the flag of another place, so a secret is found or
 * missed by how large the pattern is. So each letter is spelled out: `pass` becomes `[pP][aA][sS][sS]`.
 *
 * **Gotchas**
 *
 * The engine does not optimize a pattern of more than 20,480 characters, which then takes ten times as long.
 */

const casesOf = (letter: string): ReadonlyArray<string> =>
  [...new Set([letter, letter.toLowerCase(), letter.toUpperCase()])].filter((each) => each.length === 1)

/** A part of a class: an escape, a range, or a character. `[A-Za-z]` remains what it is. */
const inClass = (part: string): ReadonlyArray<string> => {
  if (part.length === 1) return casesOf(part)
  return /^[a-z]-[a-z]$/i.test(part) ? [part.toUpperCase(), part.toLowerCase()] : [part]
}

const anywhere = (letter: string): string => {
  const cases = casesOf(letter)
  return cases.length === 1 ? letter : `[${cases.join("")}]`
}

const inParts = /\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|[\s\S])|[a-zA-Z]-[a-zA-Z]|\d-\d|[\s\S]/g
// A class, an escape, the begin of a group, a number of times, or one character.
const part =
  /\[(?:\\[\s\S]|[^\]\\])*\]|\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|[\s\S])|\(\?-i:|\(\?(?:<?[=!]|:)|\{\d+(?:,\d*)?\}|[\s\S]/g

const spelledClass = (found: string): string => {
  const parts = found.slice(1, -1).match(inParts) ?? []
  return `[${[...new Set(parts.flatMap(inClass))].join("")}]`
}

/** The pattern without the flag `i`. It has no named groups. */
export const anyCase = (pattern: string, flags = ""): RegExp => {
  /** Of each open group, whether the case of letters counts in it. */
  const open: Array<boolean> = []
  const spelled = pattern.replace(part, (found) => {
    const counts = open.at(-1) ?? false
    if (found.startsWith("(")) open.push(counts || found === "(?-i:")
    if (found === ")") open.pop()
    if (found === "(?-i:") return "(?:"
    if (counts || found.startsWith("\\")) return found
    if (found.startsWith("[")) return spelledClass(found)
    return found.length === 1 ? anywhere(found) : found
  })
  return new RegExp(spelled, flags)
}
