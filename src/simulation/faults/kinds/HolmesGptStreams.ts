/** How an investigation of HolmesGPT ends without an answer, and what its operators do to its key. */

import { Effect, Schema } from "effect"
import type { SeededRandom } from "../../engine/SeededRandom.ts"
import type { Reply } from "../../farEnds/paths/ModelPath.ts"
import { type DrawSetting, type FaultKind, kind, onWire } from "../FaultKind.ts"
import { each } from "./Peers.ts"

const minuteMs = 60_000
const lasts = [5_000, 20 * minuteMs] as const

const parameters = Schema.Struct({
  peers: Schema.Array(Schema.Literal("holmesgpt")),
  /** Of the questions. */
  share: Schema.Finite
})

const draw = (random: SeededRandom, { scenario }: DrawSetting): typeof parameters.Type => ({
  peers: scenario.tiers?.includes("holmesgpt") === true ? ["holmesgpt"] : [],
  share: random.chance(0.5) ? 1 : random.nextDoubleUnsafe()
})

type How = Extract<Reply, { readonly _tag: "Unfinished" }>["how"]

/** `instead`: of its work, or at the end of it. */
const unfinished = (name: string, description: string, how: How, instead: "of its work" | "of its answer"): FaultKind =>
  onWire({
    name,
    target: "models",
    description,
    parameters,
    lasts,
    draw,
    disturb: ({ peers, share }, wire, random) =>
      each(peers, (peer) =>
        wire.model(peer).disturb((question, reply) =>
          Effect.suspend(() => {
            if (question.purpose !== "work" || !random.chance(share)) return reply
            const end: Reply = { _tag: "Unfinished", how }
            return instead === "of its work"
              ? Effect.succeed(end)
              : Effect.map(reply, (made) => (made._tag === "Text" ? end : made))
          })
        )
      )
  })

const silent = unfinished(
  "silent-stream",
  "HolmesGPT sends the head of a stream, and nothing after it.",
  "silent",
  "of its work"
)

const stalled = unfinished(
  "stalled-stream",
  "HolmesGPT sends some findings, and then nothing more.",
  "silent",
  "of its answer"
)

const cut = unfinished(
  "stream-cut",
  "HolmesGPT's stream breaks off after some findings, without an answer.",
  "cut",
  "of its answer"
)

const stepLimit = unfinished(
  "step-limit",
  "HolmesGPT reaches its step limit, and reports an error in its stream.",
  "step-limit",
  "of its answer"
)

const toolLoop = unfinished(
  "tool-loop",
  "HolmesGPT's model makes the same tool call again and again.",
  "tool-loop",
  "of its answer"
)

const rotatedKey = kind({
  name: "rotated-key",
  target: "models",
  description: "HolmesGPT's key is rotated. The file that the service reads has the new one at once, or later.",
  parameters: Schema.Struct({ fileAfterMs: Schema.Int }),
  lasts: [minuteMs, 10 * minuteMs],
  draw: (random) => ({ fileAfterMs: random.chance(0.5) ? 0 : Math.ceil(random.magnitude(500, 120_000)) }),
  apply: ({ fileAfterMs }, { farEnds }) => farEnds.holmesgpt.rotateKey(fileAfterMs)
})

export const holmesGptStreamFaults: ReadonlyArray<FaultKind> = [silent, stalled, cut, stepLimit, toolLoop, rotatedKey]
