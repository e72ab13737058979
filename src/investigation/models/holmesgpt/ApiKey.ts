/**
 * The key that is sent to HolmesGPT. It may be rotated while the service runs, so one that comes from a file is read
 * again when the server rejects it.
 *
 * It is read once and kept. A file that is read for every call would be read while it is replaced, and a call that
 * fails tells when it is time.
 */

import { Effect, FileSystem, Redacted } from "effect"

/** The key could not be read. */
export interface Unreadable {
  readonly _tag: "Unreadable"
}

/** A key, or an effect that reads it. */
export type Source = Redacted.Redacted | Effect.Effect<Redacted.Redacted, Unreadable>

/** The key of one server. `undefined` where it has none. */
export interface ApiKey {
  readonly current: Effect.Effect<Redacted.Redacted | undefined, Unreadable>
  /** Reads the key again; `undefined` when it is the rejected one, or cannot be read. */
  readonly after: (rejected: Redacted.Redacted | undefined) => Effect.Effect<Redacted.Redacted | undefined>
  /** Reads the key again, and says whether it is another one than the last. */
  readonly isReplaced: Effect.Effect<boolean>
}

const isSame = (one: Redacted.Redacted, other: Redacted.Redacted | undefined): boolean =>
  other !== undefined && Redacted.value(one) === Redacted.value(other)

/** Keeps the key of a source. */
export const make = (source: Source | undefined): ApiKey => {
  if (source === undefined || !Effect.isEffect(source))
    return { current: Effect.succeed(source), after: () => Effect.undefined, isReplaced: Effect.succeed(false) }
  let kept: Redacted.Redacted | undefined
  const read = Effect.map(source, (key) => (kept = key))
  return {
    current: Effect.suspend(() => (kept === undefined ? read : Effect.succeed(kept))),
    after: (rejected) =>
      read.pipe(
        Effect.map((key) => (isSame(key, rejected) ? undefined : key)),
        Effect.orElseSucceed(() => undefined)
      ),
    isReplaced: Effect.suspend(() => {
      const last = kept
      return read.pipe(
        Effect.map((key) => last !== undefined && !isSame(key, last)),
        Effect.orElseSucceed(() => false)
      )
    })
  }
}

/** Reads a key from a file, without the white space around it. An empty file has no key. */
export const ofFile = (path: string): Effect.Effect<Redacted.Redacted, Unreadable, FileSystem.FileSystem> => {
  const unreadable: Unreadable = { _tag: "Unreadable" }
  return Effect.flatMap(FileSystem.FileSystem, (files) => files.readFileString(path)).pipe(
    Effect.mapError(() => unreadable),
    Effect.flatMap((text) =>
      text.trim() === "" ? Effect.fail(unreadable) : Effect.succeed(Redacted.make(text.trim()))
    )
  )
}
