/**
 * The people who approve or reject actions, and who ask to roll them back. They check the open reviews from time to
 * time and answer as people do: late, after the review has timed out, never, twice, again when something else is asked,
 * with a rejection, or two at once with different answers. What they approve may have changed by then.
 *
 * They also set the emergency stop and lift it, and declare emergencies and end them.
 *
 * They use the same parts as the routes for operators.
 *
 * A run does not wait for people: it may end before an answer comes.
 */

import { Effect } from "effect"
import type { RemediationId } from "../../domain/Remediation.ts"
import type { OrderName } from "../../domain/StandingOrder.ts"
import type { Process } from "../engine/Process.ts"
import type { SeededRandom } from "../engine/SeededRandom.ts"
import type { Observation } from "../observation/Observation.ts"
import type { FarEnd, Setting } from "./FarEnd.ts"
import type { OperatorApi, ServiceConnection } from "./ServiceConnection.ts"

type Answer = "approved" | "rejected"

/** What people do about a review: their answers, each with its delay. */
interface Plan {
  readonly answers: ReadonlyArray<{ readonly word: Answer; readonly by: string; readonly afterMs: number }>
}

/** How often somebody checks for reviews. */
const checkEveryMs = 2 * 60_000

const secondMs = 1_000
/** How soon somebody repeats an order that the service did not confirm. */
const orderAgainMs = 5 * secondMs
const hourMs = 3_600_000

const draw = (random: SeededRandom): Plan => {
  const afterMs = Math.ceil(random.magnitude(5 * secondMs, hourMs))
  const word = random.chance(0.75) ? "approved" : "rejected"
  const first = { word, by: "ada", afterMs } as const
  switch (random.below(6)) {
    // Never.
    case 0:
      return { answers: [] }
    // Twice: a click that seemed to do nothing.
    case 1:
      return { answers: [first, { ...first, afterMs: afterMs + random.between(0, 2 * secondMs) }] }
    // Again much later, from the page that is still open: by then the question may be over, or another one is asked.
    case 3:
      return { answers: [first, { ...first, afterMs: afterMs + Math.ceil(random.magnitude(60 * secondMs, hourMs)) }] }
    // Two people at once.
    case 2:
      return { answers: [first, { word: word === "approved" ? "rejected" : "approved", by: "grace", afterMs }] }
    default:
      return { answers: [first] }
  }
}

type Outcome = Extract<Observation, { readonly _tag: "ReviewAnswered" }>["outcome"]

export class Operators implements FarEnd {
  readonly name = "operators"
  private readonly setting: Setting
  private readonly service: ServiceConnection
  private readonly random: SeededRandom
  /** The questions that somebody has read, by remediation and number. */
  private readonly seen = new Set<string>()
  private readonly hasReviews: boolean
  private process: Process | undefined
  /** How many people want an order to stand. */
  private readonly wanted: Record<OrderName, number> = { "emergency-stop": 0, emergency: 0 }

  constructor(setting: Setting, service: ServiceConnection) {
    this.setting = setting
    this.service = service
    this.random = setting.world.random("operators")
    // In `auto`, guarded and irreversible actions are reviewed too.
    this.hasReviews = setting.scenario.service.mode !== undefined && setting.scenario.service.mode !== "observe"
  }

  start(): void {
    const { scenario, world } = this.setting
    const { rollbackShare = 0 } = scenario
    if (!this.hasReviews && rollbackShare === 0) return
    this.boot()
    if (rollbackShare > 0) this.rollBack(rollbackShare)
    if (!this.hasReviews) return
    const check = () => {
      this.process!.fork(
        this.service.callOperatorApi(this.process!, ({ store }) => store.reviews(100)),
        (exit) => {
          // The service or its database is unavailable: they check again later.
          if (exit._tag === "Failure") return
          for (const { id, question = 1 } of exit.value) this.consider(id, question)
        }
      )
      world.at(world.nowMs + checkEveryMs, check)
    }
    world.at(checkEveryMs, check)
  }

  private boot(): Process {
    return (this.process ??= this.setting.world.boot("operators", Effect.never))
  }

  /** Sets the emergency stop. The returned function lifts it, unless somebody else wants it to be set. */
  stopActions(): () => void {
    return this.want("emergency-stop")
  }

  /** Declares an emergency. The returned function ends it, unless somebody else wants it, with what was found meanwhile. */
  declareEmergency(): () => void {
    return this.want("emergency")
  }

  private want(name: OrderName): () => void {
    this.wanted[name]++
    this.order(name)
    return () => {
      this.wanted[name]--
      this.order(name)
    }
  }

  /** Orders what is wanted now, until the service has confirmed it. */
  private order(name: OrderName): void {
    const { observations, world } = this.setting
    const set = this.wanted[name] > 0
    const tell = () => observations.publish({ _tag: name === "emergency" ? "EmergencyDeclared" : "EmergencyStop", set })
    if (!set) tell()
    const process = this.boot()
    process.fork(
      this.service.callOperatorApi(process, (api) => (set ? give(api, name) : takeBack(api, name))),
      (exit) => {
        // Somebody wants the opposite by now, and has ordered it.
        if (set !== this.wanted[name] > 0) return
        if (exit._tag === "Failure") world.at(world.nowMs + orderAgainMs, () => this.orderIf(name, set))
        else if (set) tell()
      }
    )
  }

  private orderIf(name: OrderName, set: boolean): void {
    if (set === this.wanted[name] > 0) this.order(name)
  }

  /** Some remediations that have ended are rolled back: soon or late, and sometimes by two people. */
  private rollBack(share: number): void {
    const { observations, world } = this.setting
    const random = world.random("rollbacks")
    observations.subscribe({
      Committed: ({ events }) => {
        for (const { kind, remediationId } of events) {
          if (kind !== "Concluded" || !random.chance(share)) continue
          const afterMs = Math.ceil(random.magnitude(secondMs, hourMs / 4))
          for (const by of random.chance(0.2) ? ["ada", "grace"] : ["ada"])
            world.at(world.nowMs + afterMs, () => {
              this.process!.fork(
                this.service
                  .callOperatorApi(this.process!, ({ rollbackRequests }) =>
                    // The response has the id and the state only.
                    Effect.asVoid(rollbackRequests.request(remediationId as RemediationId, { by }))
                  )
                  .pipe(Effect.ignore),
                () => undefined
              )
            })
        }
      }
    })
  }

  private consider(id: RemediationId, question: number): void {
    if (this.seen.has(`${id} ${question}`)) return
    this.seen.add(`${id} ${question}`)
    const { world } = this.setting
    for (const { afterMs, by, word } of draw(this.random).answers) {
      world.at(world.nowMs + afterMs, () => this.answer(id, question, word, by))
    }
  }

  private answer(id: RemediationId, question: number, word: Answer, by: string): void {
    const answer = this.service
      .callOperatorApi(this.process!, (api) => review(api, id, question, word, by))
      .pipe(Effect.catchTag("Unreachable", () => Effect.succeed<Outcome>("unreachable")))
    this.process!.fork(answer, (exit) => {
      if (exit._tag === "Failure") return
      this.setting.observations.publish({
        _tag: "ReviewAnswered",
        remediationId: id,
        answer: word,
        outcome: exit.value
      })
    })
  }
}

/** As `POST /api/v1/remediations/{id}/approve` and `/reject` do. */
const review = (
  { reviews }: OperatorApi,
  id: RemediationId,
  question: number,
  answer: Answer,
  by: string
): Effect.Effect<Outcome> =>
  reviews.answer(id, { answer, by, question }).pipe(
    Effect.as("taken" as const),
    Effect.catchTags({
      ChangedSinceShown: () => Effect.succeed("changed" as const),
      NotAwaiting: () => Effect.succeed("not-awaiting" as const),
      StorageError: () => Effect.succeed("not-stored" as const)
    })
  )

/** As `PUT /api/v1/emergency-stop` and `/api/v1/emergency` do. */
const give = ({ degradation, orders }: OperatorApi, name: OrderName) =>
  Effect.andThen(orders.give(name, { by: "ada" }), degradation.refresh)

/** As `DELETE` does: with the order, what was found is dismissed. */
const takeBack = ({ degradation, orders }: OperatorApi, name: OrderName) =>
  Effect.andThen(
    orders.takeBack(name, { by: "grace" }),
    name === "emergency" ? Effect.asVoid(degradation.dismiss("grace")) : degradation.refresh
  )
