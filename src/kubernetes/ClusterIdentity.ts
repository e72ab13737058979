/**
 * Makes sure that the service writes only to the cluster that its database is about.
 *
 * The uid of the namespace `kube-system` identifies a cluster: it is created with the cluster and lives as long. The
 * first cluster that a database is used with is bound to it. Another one is refused: its objects may have the same
 * names, but the journal says nothing about them.
 *
 * **Details**
 *
 * The identity is read at start, and again before every write, because another cluster may have been put behind the
 * same address. While it has not been confirmed, or is that of another cluster, no write is sent: it fails with
 * `WrongCluster`, or with the reason why the namespace could not be read. Once another cluster has been seen, reads
 * fail as well, because what they return is about other objects. A refused identity is checked again at most every 10
 * seconds.
 */

import { Context, Effect, Option, Result, Schema, Semaphore } from "effect"
import * as Due from "../resilience/Due.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import * as Patience from "../resilience/pipeline/Patience.ts"
import { type KubernetesClient, KubernetesError, type KubernetesObject } from "./KubernetesClient.ts"
import * as OperationName from "./OperationName.ts"

type Client = KubernetesClient["Service"]

/** What is known about the cluster's identity. */
export type IdentityState =
  /** The identity has not been read since the start. */
  | { readonly _tag: "Unconfirmed" }
  | { readonly _tag: "Confirmed"; readonly uid: string }
  /** `found` is the uid of the cluster, and `bound` the one that the database belongs to. */
  | { readonly _tag: "OtherCluster"; readonly found: string; readonly bound: string }

/** What is known about the identity of the cluster, for status pages and health checks. */
export class ClusterIdentity extends Context.Service<
  ClusterIdentity,
  {
    readonly state: Effect.Effect<IdentityState>
    /** The state after another look, if the identity is not confirmed, and was not read within 10 seconds. */
    readonly confirm: Effect.Effect<IdentityState>
  }
>()("kubernaut/kubernetes/ClusterIdentity") {}

/** The database belongs to another cluster. Nothing was started. */
export class OtherClusterError extends Schema.TaggedError<OtherClusterError>()("OtherClusterError", {
  found: Schema.String,
  bound: Schema.String
}) {
  override get message(): string {
    return `The database belongs to another cluster. It was first used with the cluster whose namespace kube-system has the uid ${this.bound}; in this cluster it has the uid ${this.found}. Connect to that cluster, or use another database for this one: set KUBERNAUT_DATABASE_URL to another file.`
  }
}

/** Binds the database to a cluster if it is not bound yet, and returns the uid that it is bound to. */
export type Bind = (uid: string) => Effect.Effect<string, { readonly message: string }>

const kubeSystem = { namespace: "", kind: "Namespace", name: "kube-system" }
const recheckMs = 10_000
/** The longest wait for a cluster that does not respond at start. */
const startTimeout = "5 seconds"

/** The uid that identifies the cluster. */
export const read = (client: Client): Effect.Effect<string, KubernetesError> =>
  Effect.flatMap(client.get(kubeSystem), (object) => {
    // A proxy that responds to everything with a success must not become the identity of the cluster.
    const uid = (object as Partial<KubernetesObject> | undefined)?.metadata?.uid
    return typeof uid === "string" && uid !== "" ? Effect.succeed(uid) : Effect.fail(noIdentity)
  })

const noIdentity = new KubernetesError({
  reason: { _tag: "Unavailable", fault: "not-kubernetes" },
  operation: OperationName.ofObject("get", kubeSystem),
  applied: "no",
  retryable: true
})

const wrong = (operation: string, why: "other-cluster" | "unconfirmed"): KubernetesError =>
  new KubernetesError({
    reason: { _tag: "WrongCluster", why },
    operation,
    applied: "no",
    retryable: why === "unconfirmed"
  })

/** A refusal of the read says something about our rights, not about the write that needs it. */
const asFailureOf = (operation: string) => (error: KubernetesError) =>
  ["Forbidden", "NotFound", "Invalid"].includes(error.reason._tag)
    ? wrong(operation, "unconfirmed")
    : new KubernetesError({ reason: error.reason, operation, applied: "no", retryable: error.retryable })

/** The client that confirms the cluster's identity before it writes. */
export interface Guarded {
  readonly client: Client
  readonly identity: ClusterIdentity["Service"]
  /** Reads the identity at start. Fails if it is another cluster's, but not if it cannot be read. */
  readonly confirmAtStart: (direct: Client) => Effect.Effect<void, OtherClusterError>
}

const notConfirmed = (reason: string) =>
  Effect.logWarning("The cluster's identity is not confirmed, so nothing is written yet", { reason })

/** What the first check means for the start. */
const startWith = (check: Effect.Effect<IdentityState, KubernetesError>): Effect.Effect<void, OtherClusterError> =>
  check.pipe(
    Effect.timeoutOption(startTimeout),
    // A client that breaks is a cluster that does not respond: the service starts all the same.
    Effect.catchDefect(() => Effect.succeed(Option.none<IdentityState>())),
    Effect.matchEffect({
      onFailure: (error) => notConfirmed(error.reason._tag),
      onSuccess: Option.match({
        onNone: () => notConfirmed("Timeout"),
        onSome: (now) =>
          now._tag === "OtherCluster"
            ? Effect.fail(new OtherClusterError({ found: now.found, bound: now.bound }))
            : Effect.void
      })
    })
  )

type Guard = <A>(operation: string, call: Effect.Effect<A, KubernetesError>) => Effect.Effect<A, KubernetesError>

/** The client with every request except watches and probes behind a guard. */
const through = (client: Client, reading: Guard, writing: Guard): Client => ({
  get: (ref) => reading(OperationName.ofObject("get", ref), client.get(ref)),
  list: (kind, options) => reading(OperationName.ofKind("list", kind, options.namespace), client.list(kind, options)),
  apply: (change, options) =>
    (options?.dryRun === true ? reading : writing)(OperationName.ofChange(change), client.apply(change, options)),
  logs: (pod, options) => reading(OperationName.ofObject("logs", pod), client.logs(pod, options)),
  watch: client.watch,
  probe: client.probe,
  // Another cluster's rights say nothing about this one: the request that follows is refused.
  ...(client.rights === undefined ? {} : { rights: client.rights })
})

/** Checks the identity, and remembers what it has found. */
const makeChecks = (bind: Bind) => {
  let state: IdentityState = { _tag: "Unconfirmed" }
  let bound: string | undefined
  let checkedAtMs = -Infinity
  let begunChecks = 0
  /** The number of the latest check that has found the identity. */
  let settledCheck = 0

  const settle = Effect.fnUntraced(function* (found: string, operation: string) {
    bound ??= yield* bind(found).pipe(
      Effect.tapError(({ message }) =>
        Effect.logError("The database cannot be bound to the cluster", { reason: message })
      ),
      Effect.mapError(() => wrong(operation, "unconfirmed"))
    )
    const before: IdentityState["_tag"] = state._tag
    const now: IdentityState =
      bound === found ? { _tag: "Confirmed", uid: found } : { _tag: "OtherCluster", found, bound }
    state = now
    if (now._tag === "OtherCluster" && before !== "OtherCluster")
      yield* Effect.logError("Nothing is written: this is not the cluster that the database belongs to", {
        found,
        bound
      })
    else if (before === "OtherCluster" && now._tag === "Confirmed")
      yield* Effect.logInfo("The cluster that the database belongs to is back", { uid: found })
    return now
  })

  const check = Effect.fnUntraced(function* (operation: string, through: Client) {
    const number = ++begunChecks
    const found = yield* Effect.result(Effect.mapError(read(through), asFailureOf(operation)))
    // Only now: one that was given up says nothing, and those that waited for this one need no other.
    checkedAtMs = yield* Monotonic.nowMs
    if (Result.isFailure(found)) return yield* found.failure
    // A check that began later has found something newer.
    if (number < settledCheck) return state
    settledCheck = number
    return yield* settle(found.success, operation)
  })

  const isDue = Effect.map(Monotonic.nowMs, (nowMs) => nowMs - checkedAtMs >= recheckMs)

  return { check, isDue, latest: () => state }
}

/** Guards a client. */
export const guard = (client: Client, bind: Bind): Guarded => {
  const { check, isDue, latest } = makeChecks(bind)
  const oneAtATime = Semaphore.makeUnsafe(1)

  // Whether the identity can be read does not matter here. Who comes while it is read waits for what that one finds.
  const confirm = Effect.suspend(() =>
    latest()._tag === "Confirmed"
      ? Effect.void
      : oneAtATime.withPermits(1)(
          Effect.flatMap(isDue, (due) =>
            due && latest()._tag !== "Confirmed" ? Effect.ignore(check("confirm", client)) : Effect.void
          )
        )
  ).pipe(Effect.andThen(Effect.sync(latest)))

  /** Before a read: another cluster that has been seen is refused. The read itself shows whether the cluster responds. */
  const reading: Guard = (operation, call) =>
    Effect.suspend(() =>
      latest()._tag === "Confirmed"
        ? call
        : Effect.flatMap(confirm, ({ _tag }) =>
            _tag === "OtherCluster" ? Effect.fail(wrong(operation, "other-cluster")) : call
          )
    )

  // A write does not wait for our own limits between the check of its fence and its request: the caller tries again.
  const checkedNow = (operation: string) =>
    check(operation, client).pipe(
      Due.at(Number.NEGATIVE_INFINITY),
      Effect.provideService(Patience.CurrentPatience, undefined)
    )

  const writing: Guard = (operation, call) =>
    Effect.flatMap(checkedNow(operation), (now) =>
      now._tag === "Confirmed" ? call : Effect.fail(wrong(operation, "other-cluster"))
    )

  return {
    identity: { state: Effect.sync(latest), confirm },
    confirmAtStart: (direct) => startWith(check("start", direct)),
    client: through(client, reading, writing)
  }
}
