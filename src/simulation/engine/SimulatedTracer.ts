/**
 * Effect's own tracer, but for its ids, which it draws from the machine's randomness: here they come from the seed,
 * because the ids of a remediation's trace are part of its journal.
 */

import { type Exit, Option, Tracer } from "effect"
import type { SeededRandom } from "./SeededRandom.ts"

/** A span that has ended, as a test or a checker wants to see it. */
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

  // Drawn when somebody asks, as Effect's are: most spans are never asked, and ids are dear.
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
