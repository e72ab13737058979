import { assert, describe, expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { HttpServer } from "effect/http"
import { HttpApiTest, OpenApi } from "effect/http-api"
import { RemediationId } from "../../src/domain/Remediation.ts"
import { Api, ServedApi } from "../../src/http/Api.ts"
import * as Authentication from "../../src/http/Authentication.ts"
import { methodsOf } from "../../src/http/problems/LastResort.ts"
import * as RequestFaults from "../../src/http/problems/RequestFaults.ts"
import { AuditHandlers } from "../../src/http/routes/AuditHandlers.ts"
import { RemediationHandlers, ReviewHandlers } from "../../src/http/routes/RemediationHandlers.ts"
import { capabilitiesOf } from "../../src/http/routes/StatusHandlers.ts"
import { routes } from "../../src/http/Server.ts"
import { ChangedSinceShown, Reviews } from "../../src/remediation/Reviews.ts"
import { ClusterUnread, RollbackRequests } from "../../src/remediation/RollbackRequests.ts"
import { AuditLog } from "../../src/storage/AuditLog.ts"
import { NotAwaiting, NotRollbackable, RemediationStore } from "../../src/storage/RemediationStore.ts"
import { StorageError } from "../../src/storage/StorageError.ts"

const id = RemediationId.make("rem-1")

const at = "2026-11-24T03:00:00.000Z"

const client = HttpApiTest.groups(ServedApi, ["remediations", "reviews", "audit"])

/** The handlers on a store that implements only what a test needs. */
const handlers = (
  store: Partial<RemediationStore["Service"]>,
  audit: Partial<AuditLog["Service"]> = {},
  reviews: Partial<Reviews["Service"]> = {},
  requests: Partial<RollbackRequests["Service"]> = {}
) =>
  Layer.mergeAll(
    Layer.mergeAll(RemediationHandlers, ReviewHandlers, AuditHandlers).pipe(
      Layer.provide([
        Layer.mock(RemediationStore, store),
        Layer.mock(AuditLog, audit),
        Layer.mock(Reviews, reviews),
        Layer.mock(RollbackRequests, requests)
      ]),
      Layer.provideMerge(Layer.merge(Authentication.layer({}), RequestFaults.layer))
    ),
    HttpServer.layerServices
  )

const storageError = (fields: Partial<StorageError> = {}) =>
  new StorageError({ reason: "busy", operation: "get", retryable: true, committed: "no", ...fields })

describe("Api", () => {
  it("matches the OpenAPI snapshot", async () => {
    const document = `${JSON.stringify(OpenApi.fromApi(Api), undefined, 2)}\n`
    await expect(document).toMatchFileSnapshot("./openapi.snapshot.json")
  })

  it("has the documented routes and methods, and none of later versions", () => {
    const methods = methodsOf(routes)
    assert.deepStrictEqual(methods("/api/v1/alerts"), ["POST"])
    assert.deepStrictEqual(methods("/api/v1/remediations"), ["GET", "HEAD"])
    assert.deepStrictEqual(methods("/api/v1/remediations/rem-1"), ["GET", "HEAD"])
    assert.deepStrictEqual(methods("/api/v1/remediations/rem-1/approve"), ["POST"])
    assert.deepStrictEqual(methods("/api/v1/remediations/rem-1/reject"), ["POST"])
    assert.deepStrictEqual(methods("/api/v1/breakers/llm:openai"), ["PUT"])
    for (const path of ["/api/v1/changes", "/api/v1/reviews", "/api/v1/status", "/api/v1/audit", "/api/v1/events"])
      assert.deepStrictEqual(methods(path), ["GET", "HEAD"], path)
    assert.deepStrictEqual(methods("/api/v1/remediations/rem-1/rollback"), ["POST"])
    assert.deepStrictEqual(methods("/api/v1/emergency-stop"), ["DELETE", "PUT"])
    assert.deepStrictEqual(methods("/api/v1/emergency"), ["DELETE", "PUT"])
  })

  it.effect("a refused rollback says why and which fields are in the way; an unread cluster is no refusal", () =>
    Effect.gen(function* () {
      const errors: Array<NotRollbackable | ClusterUnread> = [
        new NotRollbackable({ remediationId: id, code: "not-found", detail: "There is no remediation rem-1." }),
        new NotRollbackable({
          remediationId: id,
          code: "changed-by-another",
          detail: "Deployment shop/checkout was changed after the action: spec.replicas.",
          fields: ["spec.replicas"]
        }),
        new NotRollbackable({
          remediationId: id,
          code: "archived",
          detail: "Remediation rem-1 has ended as Remediated."
        }),
        new ClusterUnread({ remediationId: id, detail: "The API server did not respond." })
      ]
      const refused = yield* Effect.forEach(errors, (error) =>
        Effect.gen(function* () {
          const { remediations } = yield* client
          return yield* Effect.flip(remediations.rollback({ params: { id }, payload: { reason: "worse" } }))
        }).pipe(Effect.provide(handlers({}, {}, {}, { request: () => Effect.fail(error) })))
      )
      assert.deepStrictEqual(
        refused.map(({ _tag }) => _tag),
        ["NotFound", "RollbackRefused", "RollbackRefused", "Unavailable"]
      )
      assert.deepInclude(refused[2], { status: 409, code: "archived" })
      assert.deepInclude(refused[1], { code: "changed-by-another", fields: ["spec.replicas"] })
    })
  )

  it.effect("returns NotFound to the client for an unknown remediation", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        Effect.flatMap(client, ({ remediations }) => remediations.get({ params: { id } }))
      )
      assert.strictEqual(error._tag, "NotFound")
    }).pipe(Effect.provide(handlers({ get: () => Effect.succeedNone, archivedIn: () => Effect.succeedNone })))
  )

  it.effect("names the file of the archive that has a remediation", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        Effect.flatMap(client, ({ remediations }) => remediations.get({ params: { id } }))
      )
      assert.strictEqual(error._tag, "NotFound")
      assert.include(
        "detail" in error ? error.detail : "",
        "has ended as RolledBack and is archived: the file remediations-000003.jsonl.gz"
      )
    }).pipe(
      Effect.provide(
        handlers({
          get: () => Effect.succeedNone,
          archivedIn: () => Effect.succeedSome({ file: "remediations-000003.jsonl.gz", state: "RolledBack" })
        })
      )
    )
  )

  it.effect("responds with 503 and a retry time when storage fails, for reads and for reviews", () =>
    Effect.gen(function* () {
      const { audit, remediations, reviews } = yield* client
      const errors = yield* Effect.all([
        Effect.flip(remediations.get({ params: { id } })),
        Effect.flip(remediations.list({ query: {} })),
        Effect.flip(remediations.approve({ params: { id }, payload: null })),
        Effect.flip(reviews.pending({ query: {} })),
        Effect.flip(audit.read({ query: {} }))
      ])
      assert.deepStrictEqual(
        errors.map((error) => [error._tag, "retryAfterSeconds" in error ? error.retryAfterSeconds : undefined]),
        Array.from({ length: 5 }, () => ["Unavailable" as const, 1])
      )
    }).pipe(
      Effect.provide(
        handlers(
          {
            get: () => Effect.fail(storageError()),
            list: () => Effect.fail(storageError()),
            reviews: () => Effect.fail(storageError())
          },
          { read: () => Effect.fail(storageError()) },
          { answer: () => Effect.fail(storageError()) }
        )
      )
    )
  )

  it.effect(
    "refuses an answer that is unknown, archived, not asked for, second, late, outdated or of an older question, each for its own reason",
    () =>
      Effect.gen(function* () {
        const { remediations } = yield* client
        const approve = Effect.flip(remediations.approve({ params: { id }, payload: { reason: "fine" } }))
        const errors = (yield* Effect.all(Array.from({ length: 9 }, () => approve))) as ReadonlyArray<{
          readonly _tag: string
          readonly detail?: string
          readonly code?: string
          readonly question?: number
          readonly difference?: unknown
        }>
        assert.deepStrictEqual(
          errors.map(({ _tag, code }) => code ?? _tag),
          [
            "NotFound",
            "archived",
            "archived",
            "not-asked",
            "already-reviewed",
            "older-question",
            "timed-out",
            "alert-resolved",
            "changed"
          ]
        )
        const said = [
          /There is no remediation/,
          /has ended as Escalated and is archived, so no answer counts any more: the file a\.gz/,
          /has ended and is archived, so no answer counts any more: the file a\.gz/,
          /is Verifying and does not await review/,
          /was already reviewed by ada at 2026/,
          /asks question 2 now/,
          /timed out at 2026.*next post of the alert begins new work/,
          /alert .* resolved at 2026/,
          /replicas was 3 -> 5 and is 30 -> 50 now; new: disruption-budget: .* It asks question 2 now/
        ]
        for (const [index, pattern] of said.entries()) assert.match(errors[index]?.detail ?? "", pattern)
        assert.deepStrictEqual(
          errors.map(({ question }) => question),
          [undefined, undefined, undefined, undefined, undefined, 2, undefined, undefined, 2]
        )
        assert.isDefined(errors[8]?.difference)
      }).pipe(
        Effect.provide(
          handlers(
            {},
            {},
            {
              answer: (() => {
                const answers = [
                  new NotAwaiting({ remediationId: id, why: "not-found" }),
                  new NotAwaiting({ remediationId: id, why: "archived", state: "Escalated", file: "a.gz" }),
                  new NotAwaiting({ remediationId: id, why: "archived", file: "a.gz" }),
                  new NotAwaiting({ remediationId: id, why: "not-asked", state: "Verifying" }),
                  new NotAwaiting({ remediationId: id, why: "already-reviewed", state: "Verifying", by: "ada", at }),
                  new NotAwaiting({ remediationId: id, why: "older-question", state: "AwaitingReview", asks: 2 }),
                  new NotAwaiting({ remediationId: id, why: "timed-out", state: "Escalated", at }),
                  new NotAwaiting({ remediationId: id, why: "alert-resolved", state: "Cancelled", at }),
                  new ChangedSinceShown({
                    remediationId: id,
                    difference: {
                      figures: [{ name: "replicas", shown: "3 -> 5", now: "30 -> 50" }],
                      added: [{ rule: "disruption-budget", message: "The budget allows none." }],
                      gone: []
                    },
                    decision: {
                      outcome: "review",
                      action: {
                        type: "Notify",
                        target: { namespace: "shop", kind: "Deployment", name: "c" },
                        reason: "x"
                      },
                      risk: "low",
                      confidence: 1,
                      reasons: [],
                      question: 2
                    }
                  })
                ]
                return () => Effect.suspend(() => Effect.fail(answers.shift()!))
              })()
            }
          )
        )
      )
  )

  it("lists as capabilities the configured investigators that the level allows", () => {
    assert.deepStrictEqual(capabilitiesOf(0, ["rules"]).investigators, ["rules"])
    assert.deepStrictEqual(capabilitiesOf(1, ["holmesgpt", "llm", "rules"]).investigators, ["llm", "rules"])
    assert.deepStrictEqual(capabilitiesOf(2, ["holmesgpt", "llm", "rules"]).investigators, ["rules"])
  })
})
