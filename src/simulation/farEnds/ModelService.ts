/**
 * A service that answers questions about alerts, independent of the protocol: the common part of HolmesGPT and the LLM
 * providers.
 *
 * Without faults its answers are correct: it reads the true cause from the cluster and proposes the action that helps.
 * A fault (`disturb`) may delay, corrupt or replace an answer.
 */

import { Effect, Result } from "effect"
import type { Action } from "../../domain/Action.ts"
import type { ResourceRef } from "../../domain/Target.ts"
import type { Answer } from "../../investigation/models/Answer.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import type { SeededRandom } from "../engine/SeededRandom.ts"
import { crashLog, quoteSecrets } from "../observation/Secrets.ts"
import type { Cluster } from "./Cluster.ts"
import type { Setting } from "./FarEnd.ts"
import { Link } from "./Link.ts"
import { type ModelFault, ModelPath, type Question, type Reply } from "./paths/ModelPath.ts"

/** An answer as the text of a model that follows the schema but omits `null`s, as most models do. */
export const answerText = (answer: Answer): string => JSON.stringify(answer)

const defaultLatencyMs = [500, 20_000] as const

const pong: Reply = { _tag: "Text", text: "", worth: "good" }

/** The target of a question. */
export const targetIn = (text: string): ResourceRef | undefined => {
  const json = /^target: (\{.*\})$/m.exec(text)?.[1]
  return json === undefined ? undefined : (JSON.parse(json) as ResourceRef)
}

interface Deployment extends KubernetesObject {
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: ReadonlyArray<{ readonly image: string }> } }
  }
}

const noop = (): void => {}

export class ModelService {
  readonly link: Link
  private readonly setting: Setting
  private readonly cluster: Cluster
  private readonly random: SeededRandom
  private readonly path = new ModelPath()

  constructor(setting: Setting, cluster: Cluster, peer: string) {
    this.setting = setting
    this.cluster = cluster
    this.link = new Link(setting, peer)
    this.random = setting.world.random(`model ${peer}`)
  }

  /** Activates a fault until the returned function is called. */
  disturb(fault: ModelFault): () => void {
    return this.path.disturb(fault)
  }

  /** The reply to a prompt, after some thinking time. `begun` is called at the first sign of it. */
  ask(text: string, begun: () => void = noop): Effect.Effect<Reply> {
    return Effect.suspend(() => {
      const { observations } = this.setting
      if (observations.isObserved("TextLeft"))
        observations.publish({ _tag: "TextLeft", channel: "prompt", about: this.link.peer, text })
      return this.reply({ purpose: "work", text, target: targetIn(text) }, begun)
    })
  }

  /** The reply to a probe. */
  readonly ping: Effect.Effect<Reply> = Effect.suspend(() =>
    this.reply({ purpose: "probe", text: "", target: undefined })
  )

  /** The true cause of a workload's problem, and the action that helps. */
  answerAbout(target: ResourceRef): Answer {
    const object = Result.getOrUndefined(this.cluster.read(target)) as Deployment | undefined
    const image = object?.kind === "Deployment" ? object.spec.template.spec.containers[0]?.image : undefined
    const action: Action =
      image?.includes(":bad-") === true && !this.cluster.isHealthy(target)
        ? { type: "RollbackDeployment", target }
        : { type: "Notify", target, reason: "It serves as it should." }
    return {
      rootCause:
        action.type === "Notify"
          ? "Nothing is wrong any more."
          : quoteSecrets(`The version ${image} crashes at start.`),
      // It has read the logs itself and quotes them verbatim.
      evidence: action.type === "Notify" ? [] : crashLog,
      action,
      confidence: 0.9
    }
  }

  private reply(question: Question, begun: () => void = noop): Effect.Effect<Reply> {
    return this.path.disturbed(question, this.healthy(question, begun))
  }

  private healthy({ purpose, target }: Question, begun: () => void): Effect.Effect<Reply> {
    if (purpose === "probe") return Effect.succeed(pong)
    const latencyMs = Math.ceil(this.random.magnitude(...(this.setting.scenario.modelLatencyMs ?? defaultLatencyMs)))
    // It reads, then thinks: the answer is about the state at the beginning.
    const reply: Reply =
      target === undefined
        ? { _tag: "Text", text: "What is this about?", worth: "bad" }
        : { _tag: "Text", text: answerText(this.answerAbout(target)), worth: "good" }
    // A healthy server sends the beginning of its stream while the model thinks.
    return Effect.suspend(() => {
      begun()
      return Effect.as(Effect.sleep(latencyMs), reply)
    })
  }
}
