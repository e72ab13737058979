/**
 * The rulebook: what to do about an alert when no model is available, as data that operators can read, extend or
 * replace.
 *
 * **Details**
 *
 * A rulebook is YAML. Rules are tried from the top. The first rule that matches, and whose action can be made for the
 * target, decides. Where one recorded change is clearly the cause of the alert, it is taken back instead
 * (`SuspectedChange`).
 *
 *     version: 1
 *     extends: default          # or none: only the rules below
 *     rules:
 *       - name: payments-never-restart
 *         match:
 *           alerts: ["Payment*"]
 *           namespaces: ["payments", "payments-*"]
 *         cause: The payment gateway is slow; our pods wait for it.
 *         action: { type: Notify }
 *         check: Look at the gateway's status page before touching our pods.
 *
 * - Everything in `match` must hold. A list holds when one of its entries does, and an absent condition holds. `*` stands
 *   for any run of characters.
 * - `facts` are observed states of the target, and all of them must hold: see `RuleFacts`.
 * - Only safe actions are allowed: actions on one workload or pod that can be undone, or that need no undo. A file with
 *   any other action is rejected.
 * - With `extends: default`, which is the default, the file's own rules come first.
 *
 * An invalid file is rejected with the position and the reason before anything runs.
 *
 * **Gotchas**
 *
 * The default rulebook is a file next to this module, `rulebook/default.yaml`, also in the published package. When you
 * bundle the package, copy that file next to the bundle as `rulebook/default.yaml`.
 */

import { readFileSync } from "node:fs"
import { Effect, FileSystem, Result, Schema, SchemaIssue } from "effect"
import { isMap, isSeq, LineCounter, type Node, parseDocument } from "yaml"
import { Quantity } from "../../domain/Action.ts"
import { Severity } from "../../domain/Alert.ts"
import { Confidence } from "../../domain/Investigation.ts"

/** Observed states of a target that a rule can match on. `RuleFacts` says when each holds. */
export const Fact = Schema.Literals([
  "bad-rollout",
  "rollout-under-way",
  "pods-not-created",
  "crash-looping",
  "oom-killed",
  "image-not-pulled",
  "configuration-missing",
  "unschedulable",
  "one-pod-broken",
  "autoscaler-at-maximum",
  "scaled-to-zero",
  "gone",
  "healthy"
])
export type Fact = typeof Fact.Type

const positive = Schema.Finite.check(Schema.isBetween({ minimum: 1.05, maximum: 3 }))

/**
 * The safe actions, with the bounds that a rule sets. Their other parameters come from the target. Each needs an object
 * that shows the fault now: `ProposedAction` says which. Without one, the next rule is tried.
 */
export const RuleAction = Schema.Union([
  Schema.Struct({ type: Schema.Literal("Notify") }),
  Schema.Struct({ type: Schema.Literal("CollectDiagnostics") }),
  Schema.Struct({ type: Schema.Literal("RestartWorkload") }),
  Schema.Struct({ type: Schema.Literal("RollbackDeployment") }),
  /** Evicts the pod that the alert names, or the one broken pod, if it is broken now and has an owner. */
  Schema.Struct({ type: Schema.Literal("EvictPod") }),
  /** Raises the memory limit of the killed container by `factor`, never above `maximum`. */
  Schema.Struct({ type: Schema.Literal("AdjustResources"), factor: positive, maximum: Quantity }),
  /** Raises the autoscaler's maximum by `factor`, never above `maximum` replicas. */
  Schema.Struct({
    type: Schema.Literal("PatchHpa"),
    factor: positive,
    maximum: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 }))
  })
])
export type RuleAction = typeof RuleAction.Type

const Patterns = Schema.NonEmptyArray(Schema.NonEmptyString)

/** One rule: when it matches, what it says and what it does. */
export const Rule = Schema.Struct({
  name: Schema.String.check(
    Schema.isPattern(/^[a-z0-9]+(-[a-z0-9]+)*$/, { message: "Expected a name such as crash-loop-after-rollout" })
  ),
  match: Schema.Struct({
    /** Alert names. */
    alerts: Schema.optionalKey(Patterns),
    severities: Schema.optionalKey(Schema.NonEmptyArray(Severity)),
    namespaces: Schema.optionalKey(Patterns),
    labels: Schema.optionalKey(Schema.Record(Schema.String, Schema.NonEmptyString)),
    /** Kinds of target. */
    kinds: Schema.optionalKey(Patterns),
    /** All of these must hold. */
    facts: Schema.optionalKey(Schema.NonEmptyArray(Fact))
  }),
  /** What is most likely wrong: the root cause of the investigation. */
  cause: Schema.NonEmptyString,
  action: RuleAction,
  /** What a person should check first. It is part of the reason of a `Notify`, and otherwise of the evidence. */
  check: Schema.NonEmptyString,
  /** 0 to 0.5, the cap of rules. Default 0.5 for an action, 0.3 for `Notify`. */
  confidence: Schema.optionalKey(Confidence)
})
export type Rule = typeof Rule.Type

/** The contents of a rulebook file. `resolve` adds the rules that it extends. */
export const Rulebook = Schema.Struct({
  version: Schema.Literal(1),
  extends: Schema.optionalKey(Schema.Literals(["default", "none"])),
  rules: Schema.Array(Rule)
})
export type Rulebook = typeof Rulebook.Type

/** A rulebook cannot be used. `line` and `column` count from 1 and are absent when the file could not be read. */
export class RulebookError extends Schema.TaggedError<RulebookError>()("RulebookError", {
  file: Schema.String,
  line: Schema.optionalKey(Schema.Int),
  column: Schema.optionalKey(Schema.Int),
  problem: Schema.String
}) {
  override get message(): string {
    const place = this.line === undefined ? this.file : `${this.file}:${this.line}:${this.column ?? 1}`
    return `${place}: ${this.problem}`
  }
}

const formatIssue = SchemaIssue.makeFormatterStandardSchemaV1()
const decode = Schema.decodeUnknownResult(Rulebook, { errors: "all", onExcessProperty: "error" })

// The offset of the key or list item at the end of a path, or of its nearest ancestor in the document.
const offsetOf = (root: Node | null, path: ReadonlyArray<PropertyKey>): number => {
  let node: unknown = root
  let offset = root?.range?.[0] ?? 0
  for (const part of path) {
    let next: unknown
    if (isMap(node)) {
      const pair = node.items.find(
        ({ key }) => String((key as { readonly value?: unknown }).value ?? key) === String(part)
      )
      offset = (pair?.key as Node | undefined)?.range?.[0] ?? offset
      next = pair?.value
    } else if (isSeq(node)) {
      next = node.items[Number(part)]
      offset = (next as Node | undefined)?.range?.[0] ?? offset
    }
    if (next === undefined || next === null) return offset
    node = next
  }
  return offset
}

const pathText = (path: ReadonlyArray<PropertyKey>): string =>
  path
    .map((part, index) => (typeof part === "number" ? `[${part}]` : index === 0 ? String(part) : `.${String(part)}`))
    .join("")

/** Parses the text of a rulebook. `file` is the name in errors. */
export const parse = (text: string, file: string): Result.Result<Rulebook, RulebookError> => {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false })
  const fail = (offset: number, problem: string) => {
    const { col, line } = lines.linePos(offset)
    return Result.fail(new RulebookError({ file, line: Math.max(1, line), column: Math.max(1, col), problem }))
  }
  const syntax = document.errors[0]
  if (syntax !== undefined) return fail(syntax.pos[0], syntax.message)
  const decoded = decode(document.toJS({ maxAliasCount: 100 }))
  if (Result.isFailure(decoded)) {
    const issue = formatIssue(decoded.failure.issue).issues[0]
    const path = (issue?.path ?? []).map((part) => (typeof part === "object" ? part.key : part))
    const where = pathText(path)
    return fail(
      offsetOf(document.contents, path),
      `${where === "" ? "the file" : where}: ${issue?.message ?? "is not valid"}`
    )
  }
  const names = decoded.success.rules.map((rule) => rule.name)
  const twice = names.findIndex((name, index) => names.indexOf(name) !== index)
  if (twice >= 0)
    return fail(
      offsetOf(document.contents, ["rules", twice, "name"]),
      `rules[${twice}].name: another rule is already called ${names[twice]}`
    )
  return Result.succeed(decoded.success)
}

const defaultFile = new URL("./rulebook/default.yaml", import.meta.url)

/** The rulebook in the package. It covers the alerts of kube-prometheus, the kubernetes-mixin and etcd. */
export const standard: Effect.Effect<Rulebook, RulebookError> = Effect.suspend(() => {
  // The package's own data, read once at startup, does not need a FileSystem in every embedder's context.
  let text: string
  try {
    text = readFileSync(defaultFile, "utf8")
  } catch {
    return Effect.fail(
      new RulebookError({ file: "rulebook/default.yaml", problem: "is missing from the installation" })
    )
  }
  return Effect.fromResult(parse(text, "rulebook/default.yaml"))
})

/** The rules of a rulebook and of the one it extends, its own first. */
export const resolve = (rulebook: Rulebook): Effect.Effect<ReadonlyArray<Rule>, RulebookError> =>
  rulebook.extends === "none"
    ? Effect.succeed(rulebook.rules)
    : Effect.map(standard, (base) => [...rulebook.rules, ...base.rules])

/** Reads an operator's rulebook file and resolves it. */
export const load = (file: string): Effect.Effect<ReadonlyArray<Rule>, RulebookError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fileSystem = yield* FileSystem.FileSystem
    const text = yield* Effect.mapError(
      fileSystem.readFileString(file),
      (error) => new RulebookError({ file, problem: `cannot be read: ${error.reason._tag}` })
    )
    return yield* resolve(yield* Effect.fromResult(parse(text, file)))
  })
