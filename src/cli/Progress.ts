/**
 * A line on the terminal that is written over again, so that somebody who waits sees why. Nothing where no terminal is.
 */

export interface Progress {
  readonly bar: (done: number, of: number, note: string) => void
  readonly show: (text: string) => void
  /** Leaves the line empty for what comes. */
  readonly clear: () => void
}

const width = 30

/** `write` gets text without a line end; absent for nobody. */
export const make = (write: ((text: string) => void) | undefined): Progress => {
  const show = (text: string): void => write?.(`\r\u001b[2K${text}`)
  return {
    show,
    bar: (done, of, note) => {
      const filled = Math.round((done / of) * width)
      show(`${"█".repeat(filled)}${"░".repeat(width - filled)} ${done}/${of}${note === "" ? "" : `  ${note}`}`)
    },
    clear: () => show("")
  }
}
