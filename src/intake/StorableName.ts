/** Names that come from labels and become part of keys, which are stored and logged. */

/** The first 100 characters of a name, without control characters and lone surrogates. */
export const storableName = (name: string): string =>
  name
    .slice(0, 100)
    .replace(/\p{Cc}/gu, "?")
    .toWellFormed()
