/** Notifications of the service process: real receivers on loopback, a real Alertmanager, and kill -9 in between. */

import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Component } from "../../src/http/Responses.ts"
import * as HttpPeer from "../peers/HttpPeer.ts"
import { freePort, program, start as startAlertmanager } from "./RealAlertmanager.ts"
import { exampleAlert, run, type Service, start, temporaryDirectory, until } from "./Service.ts"

const token = "T0K3Nsecretsecret"
const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

const receiver: HttpPeer.Protocol = { reply: () => ({ status: 200, body: "ok" }), error: () => `bad token ${token}` }

interface Posted {
  readonly key: string
  readonly notifications: ReadonlyArray<{
    readonly kind: string
    readonly remediation?: string
    readonly url?: string
    readonly facts: ReadonlyArray<{ readonly name: string; readonly value: string }>
  }>
}

/** The messages that a webhook has received, without the checks. */
const posted = ({ calls }: HttpPeer.HttpPeer): ReadonlyArray<Posted> =>
  calls.filter(({ method }) => method === "POST").map(({ body }) => JSON.parse(body) as Posted)
const textsOf = ({ calls }: HttpPeer.HttpPeer): ReadonlyArray<string> =>
  calls
    .filter(({ method }) => method === "POST")
    .map(({ body }) => (JSON.parse(body) as { readonly text: string }).text)
const kindsOf = (peer: HttpPeer.HttpPeer) =>
  posted(peer).flatMap(({ notifications }) => notifications.map(({ kind }) => kind))

const sinksOf = (sinks: ReadonlyArray<unknown>) => ({
  KUBERNAUT_NOTIFICATION_SINKS: JSON.stringify(sinks),
  KUBERNAUT_PUBLIC_URL: "https://kubernaut.example.com"
})

const hookOf = (peer: HttpPeer.HttpPeer) => ({ name: "hook", kind: "webhook", url: `${peer.url}/${token}`, secret })
const chatOf = (peer: HttpPeer.HttpPeer) => ({ name: "chat", kind: "slack", url: `${peer.url}/${token}` })

const stop = (service: Service, method: "PUT" | "DELETE" = "PUT") =>
  Effect.map(service.send("/api/v1/emergency-stop", { method }), ({ status, text }) =>
    assert.strictEqual(status, 200, text)
  )

const componentOf = (service: Service, name: string) =>
  Effect.map(service.get<{ readonly components: ReadonlyArray<Component> }>("/api/v1/status"), ({ components }) =>
    components.find((each) => each.name === name)
  )

const inOneDatabase = Effect.map(temporaryDirectory, (directory) => ({
  KUBERNAUT_DATABASE_URL: `sqlite:${join(directory, "kubernaut.db")}`
}))

describe("the notifications of a running service", () => {
  it.live(
    "reach a sink that was down across kill -9, hold up no other, and are sent to that one once",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const [hook, chat] = [yield* HttpPeer.make(receiver), yield* HttpPeer.make(receiver)]
          yield* chat.setMode({ _tag: "Down" })
          const settings = { ...(yield* inOneDatabase), ...sinksOf([hookOf(hook), chatOf(chat)]) }
          const first = yield* start(settings)
          yield* stop(first)
          const [result] = yield* first.post(exampleAlert("crash-loop"))
          const id = result!.remediationId!
          yield* first.ended(id)
          yield* until(
            "the webhook has both",
            Effect.sync(() => kindsOf(hook)),
            (kinds) => kinds.length >= 2
          )
          assert.deepStrictEqual(kindsOf(hook).toSorted(), ["emergency-stop-set", "escalated"])
          const escalated = posted(hook)
            .flatMap(({ notifications }) => notifications)
            .find(({ kind }) => kind === "escalated")
          assert.strictEqual(escalated?.url, `https://kubernaut.example.com/api/v1/remediations/${id}`)
          const names = escalated?.facts.map(({ name }) => name) ?? []
          for (const name of ["Alert", "Target", "Why", "Found", "Done"]) assert.include(names, name)
          const waiting = yield* until(
            "the status says that two wait",
            componentOf(first, "notify:chat"),
            (chat) => chat?.waiting === 2
          )
          assert.notStrictEqual(waiting?.status, "up")
          const shown = [
            (yield* first.send("/api/v1/status")).text,
            (yield* first.send("/metrics")).text,
            (yield* run(["config"], settings)).stdout,
            first.log()
          ]
          for (const text of shown) {
            assert.notInclude(text, token)
            assert.notInclude(text, secret)
          }
          yield* first.kill

          yield* chat.setMode({ _tag: "Ok" })
          const second = yield* start(settings)
          yield* until(
            "the chat has both",
            Effect.sync(() => textsOf(chat)),
            (texts) => texts.length >= 2
          )
          yield* until("nothing waits", componentOf(second, "notify:chat"), (chat) => chat?.waiting === 0)
          const keys = posted(hook).map(({ key }) => key)
          assert.strictEqual(keys.length, 2)
          for (const key of keys)
            assert.strictEqual(textsOf(chat).filter((text) => text.includes(`ref \`${key}\``)).length, 1)
          assert.isTrue(
            textsOf(chat).some((text) =>
              text.includes(`<https://kubernaut.example.com/api/v1/remediations/${id}|${id}>`)
            )
          )
        })
      ),
    180_000
  )

  it.live("are sent again with the same key when kill -9 comes between the send and its record", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const hook = yield* HttpPeer.make(receiver)
        const settings = { ...(yield* inOneDatabase), ...sinksOf([hookOf(hook)]) }
        const first = yield* start(settings)
        // It receives the message, and the service never learns of it.
        yield* hook.setMode({ _tag: "Hang" })
        yield* stop(first)
        yield* until(
          "the message has arrived",
          Effect.sync(() => posted(hook)),
          (messages) => messages.length >= 1
        )
        yield* first.kill
        yield* hook.setMode({ _tag: "Ok" })
        const second = yield* start(settings)
        yield* until("nothing waits", componentOf(second, "notify:hook"), (hook) => hook?.waiting === 0)
        const messages = hook.calls.filter(({ method }) => method === "POST")
        assert.isAtLeast(messages.length, 2)
        assert.strictEqual(new Set(messages.map(({ headers }) => headers["webhook-id"])).size, 1)
        assert.strictEqual(new Set(messages.map(({ body }) => body)).size, 1)
      })
    )
  )

  it.live(
    "are sent once by two services on one database, and one takes over what the other was sending at its kill -9",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const hook = yield* HttpPeer.make(receiver)
          const settings = { ...(yield* inOneDatabase), ...sinksOf([hookOf(hook)]) }
          const [first, second] = [yield* start(settings), yield* start(settings)]
          for (const [service, method] of [
            [first, "PUT"],
            [second, "DELETE"],
            [second, "PUT"],
            [first, "DELETE"]
          ] as const)
            yield* stop(service, method)
          yield* until(
            "the webhook has all four",
            Effect.sync(() => posted(hook)),
            (messages) => messages.length >= 4
          )
          // Longer than a process goes without looking for what others have recorded.
          yield* Effect.sleep("12 seconds")
          assert.strictEqual(posted(hook).length, 4)
          assert.strictEqual(new Set(posted(hook).map(({ key }) => key)).size, 4)

          yield* hook.setMode({ _tag: "Hang" })
          yield* stop(first)
          yield* until(
            "the fifth has arrived",
            Effect.sync(() => posted(hook)),
            (messages) => messages.length >= 5
          )
          yield* first.kill
          yield* hook.setMode({ _tag: "Ok" })
          yield* until("nothing waits", componentOf(second, "notify:hook"), (hook) => hook?.waiting === 0)
          const messages = hook.calls.filter(({ method }) => method === "POST")
          const keys = messages.map(({ headers }) => headers["webhook-id"])
          assert.strictEqual(new Set(keys).size, 5)
          assert.deepStrictEqual(new Set(keys.slice(4)).size, 1)
          assert.isAtLeast(keys.length, 6)
        })
      ),
    120_000
  )

  it.live("can be tried from the command line, which says which sink did not take the test", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const [hook, chat] = [yield* HttpPeer.make(receiver), yield* HttpPeer.make(receiver)]
        yield* chat.setMode({ _tag: "Status", status: 403 })
        const settings = sinksOf([hookOf(hook), chatOf(chat)])
        const ended = yield* run(["notify", "test"], settings)
        assert.strictEqual(ended.code, 1)
        assert.include(ended.stdout, "the sink chat is refused (status 403)")
        assert.include(ended.stderr, "The test did not reach chat.")
        assert.notInclude(ended.stdout + ended.stderr, token)
        assert.deepStrictEqual(kindsOf(hook), ["test"])
        assert.strictEqual((yield* run(["notify", "test", "--sink", "hook"], settings)).code, 0)
        const unknown = yield* run(["notify", "test", "--sink", "pager"], settings)
        assert.include(unknown.stderr, "There is no sink pager. The sinks are hook, chat.")
      })
    )
  )

  it.live("are checked by doctor without a message", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const [hook, chat] = [yield* HttpPeer.make(receiver), yield* HttpPeer.make(receiver)]
        yield* chat.setMode({ _tag: "Down" })
        const sinks = [
          { ...hookOf(hook), kinds: ["escalated"] },
          { ...chatOf(chat), kinds: ["escalated"] }
        ]
        const { stdout } = yield* run(["doctor"], { ...(yield* inOneDatabase), ...sinksOf(sinks) })
        assert.match(stdout, /ok +sink hook +responds/)
        assert.match(stdout, /FAILED +sink chat +the sink chat is unreachable/)
        assert.match(stdout, /warning +emergency contacts/)
        assert.deepStrictEqual(posted(hook), [])
        assert.notInclude(stdout, token)
      })
    )
  )
})

interface ListedAlert {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly status: { readonly state: string }
}

describe("a real Alertmanager", () => {
  const listed = (url: string) =>
    Effect.promise(async () => (await (await fetch(`${url}/api/v2/alerts`)).json()) as ReadonlyArray<ListedAlert>)
  const namesOf = (alerts: ReadonlyArray<ListedAlert>) => alerts.map(({ labels }) => labels["alertname"])

  // Skipped when no Alertmanager is installed. `scripts/test` reports this.
  it.live.skipIf(program === undefined)(
    "shows the heartbeat and what lasts, across kill -9 of the service, until it ends; its own alerts come to nothing",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const port = yield* freePort
          const settings = {
            ...(yield* inOneDatabase),
            ...sinksOf([{ name: "am", kind: "alertmanager", url: `http://127.0.0.1:${port}` }])
          }
          const first = yield* start(settings)
          yield* stop(first)
          // It starts later than the service: what waits is sent when it is there.
          const alertmanager = yield* startAlertmanager(program ?? "", first.url, port)
          const fires = (name: string) => (alerts: ReadonlyArray<ListedAlert>) => namesOf(alerts).includes(name)
          const alerts = yield* until("the stop is shown", listed(alertmanager), fires("KubernautEmergencyStop"))
          const shown = alerts.find(({ labels }) => labels["alertname"] === "KubernautEmergencyStop")
          assert.deepStrictEqual(shown?.labels, {
            alertname: "KubernautEmergencyStop",
            severity: "warning",
            cluster: "sandbox",
            kubernaut_self: "true"
          })
          assert.include(shown?.annotations["summary"], "The emergency stop is set")
          yield* first.kill

          const second = yield* start(settings)
          yield* until("the heartbeat fires", listed(alertmanager), fires("KubernautHeartbeat"))
          assert.include(namesOf(yield* listed(alertmanager)), "KubernautEmergencyStop")
          yield* stop(second, "DELETE")
          yield* until("the stop has ended", listed(alertmanager), (all) => !fires("KubernautEmergencyStop")(all))
          assert.include(namesOf(yield* listed(alertmanager)), "KubernautHeartbeat")
        })
      )
  )
})
