/** The signal that the server is stopping. It opens first, so that event streams end before requests are drained. */

import { Context, Latch, Layer } from "effect"

/** Opens when the server begins to stop. */
export class Stopping extends Context.Service<Stopping, Latch.Latch>()("kubernaut/http/Stopping") {}

export const layer: Layer.Layer<Stopping> = Layer.effect(Stopping, Latch.make(false))
