/** A progress line on the terminal that overwrites itself. Writes nothing when there is no terminal. */

export interface Progress {
  readonly bar: (done: number, of: number, note: string) => void
  readonly show: (text: string) => void
  /** Clears the line. */
  readonly clear: () => void
}

const width = 30

/** `write` receives text without a line break; absent when there is no terminal. */
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
