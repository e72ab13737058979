/**
 * Effect's own tracer with ids that come from the seed instead of the machine's randomness, because the ids of a
 * remediation's trace are part of its journal.
 */

import { type Exit, Option, Tracer } from "effect"
import type { SeededRandom } from "./SeededRandom.ts"

/** Called with each span that has ended. */
export type SpanListener = (span: Tracer.Span) => void

type SpanOptions = ConstructorParameters<typeof Tracer.NativeSpan>[0]

class SimulatedSpan extends Tracer.NativeSpan {
  private readonly random: SeededRandom
  private readonly onEnd: SpanListener | undefined

  constructor(options: SpanOptions, random: SeededRandom, onEnd: SpanListener | undefined) {
    super(options)
    this.random = random
    this.onEnd = onEnd
  }

  // Drawn on first use, as Effect does: most ids are never read, and drawing them is expensive.
  override get traceId(): string {
    return (this._traceId ??= Option.getOrUndefined(this.parent)?.traceId ?? this.random.hex(32))
  }

  override get spanId(): string {
    return (this._spanId ??= this.random.hex(16))
  }

  override end(endTime: bigint, exit: Exit.Exit<unknown, unknown>): void {
    super.end(endTime, exit)
    this.onEnd?.(this)
  }
}

export const make = (random: SeededRandom, onEnd?: SpanListener): Tracer.Tracer =>
  Tracer.make({ span: (options) => new SimulatedSpan(options, random, onEnd) })
