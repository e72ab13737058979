import { assert, describe, it } from "@effect/vitest"
import {
  analysisIn,
  answerIn,
  type Ending,
  HolmesGptProgress
} from "../../../../src/investigation/models/holmesgpt/HolmesGptProgress.ts"
import type { Finding } from "../../../../src/investigation/PartialFindings.ts"

const progress = () => {
  const findings: Array<Finding> = []
  const course = new HolmesGptProgress((finding) => findings.push(finding))
  const take = (event: string, data: unknown): Ending | undefined =>
    course.take({ event, data: typeof data === "string" ? data : JSON.stringify(data) })
  return { course, findings, take }
}

const result = (params: unknown, more: object = {}) => ({
  name: "kubectl_logs",
  description: "kubectl logs checkout",
  result: { status: "success", error: null, data: "panic: no coupon_code", params, ...more }
})

describe("the analysis of a response", () => {
  const text = JSON.stringify({ rootCause: 'a "quoted" \\ one', n: 1 })
  const whole = JSON.stringify({ analysis: text, conversation_history: [{ role: "system" }] })

  it("is found in every part of it that has it as a whole, and in no shorter one", () => {
    const end = `{"analysis":${JSON.stringify(text)}`.length
    for (let length = 0; length <= whole.length; length++)
      assert.deepStrictEqual(
        analysisIn(whole.slice(0, length)),
        length >= end ? { analysis: text } : undefined,
        String(length)
      )
  })

  it("may be null, and is nothing else", () => {
    assert.deepStrictEqual(analysisIn('{"analysis":null}'), { analysis: null })
    for (const json of ['{"analysis":5}', "{}", "[]", "null", "", '{"other":{"analysis":"x"}', '{"analysis":"\\u00zz"'])
      assert.isUndefined(analysisIn(json), json)
  })
})

describe("the answer in a response", () => {
  const ended = (reason: unknown) =>
    answerIn(JSON.stringify({ analysis: '{"a":1}', metadata: { finish_reason: reason } }))

  it("is none if its model was cut off or filtered, although it parses", () => {
    assert.deepStrictEqual(ended("length"), { _tag: "CutOff" })
    assert.deepStrictEqual(ended("content_filter"), { _tag: "Filtered" })
  })

  it("is one with any other reason, and with none", () => {
    for (const reason of ["stop", "tool_calls", null, undefined, 1, "constructor"])
      assert.deepStrictEqual(ended(reason), { _tag: "Answer", analysis: '{"a":1}' }, String(reason))
    assert.deepStrictEqual(answerIn('{"analysis":"x","conv'), { _tag: "Answer", analysis: "x" })
    assert.isUndefined(answerIn("{}"))
  })
})

describe("the events of a stream", () => {
  it("are findings where a tool returned or the model said something, in either form of the event", () => {
    const { findings, take } = progress()
    assert.isUndefined(take("token_count", {}))
    assert.isUndefined(take("ai_message", { content: "I look at the logs.", reasoning: "hidden thoughts" }))
    assert.isUndefined(take("start_tool_calling", { tool_name: "kubectl_logs", id: "1" }))
    assert.isUndefined(take("tool_calling_result", result({ a: 1 })))
    assert.isUndefined(
      take("tool_calling_result", { tool_name: "t", result: { status: "error", error: "no such pod", data: null } })
    )
    assert.deepStrictEqual(findings, [
      { source: "model", about: "", text: "I look at the logs." },
      { source: "tool", about: "kubectl logs checkout", text: "panic: no coupon_code" },
      { source: "tool", about: "t", text: "error: no such pod" }
    ])
  })

  it("end with an answer, an error, or a wait for an approval that nobody gives", () => {
    assert.deepStrictEqual(progress().take("ai_answer_end", { analysis: "x" }), { _tag: "Answer", analysis: "x" })
    assert.deepStrictEqual(progress().take("ai_answer_end", { other: 1 }), { _tag: "Answer", analysis: null })
    assert.deepStrictEqual(progress().take("error", { description: "d", error_code: 5204, msg: "m" }), {
      _tag: "Error",
      code: 5204,
      description: "d"
    })
    assert.deepStrictEqual(progress().take("approval_required", {}), { _tag: "ApprovalRequired" })
  })

  it("are no answer where it was cut off within", () => {
    assert.isUndefined(progress().take("ai_answer_end", '{"analysis":"half of'))
    assert.deepStrictEqual(progress().take("ai_answer_end", '{"analysis":"x","conv'), { _tag: "Answer", analysis: "x" })
  })

  it("show work, unless the first is an error", () => {
    const { course, take } = progress()
    take("error", {})
    assert.isFalse(course.hasWorked)
    take("token_count", {})
    assert.isTrue(course.hasWorked)
  })

  it("are a loop when the same tool call comes a third time, and it is one finding", () => {
    const { findings, take } = progress()
    for (const params of [{ a: 1 }, { a: 2 }, { a: 1 }, { a: 2 }])
      assert.isUndefined(take("tool_calling_result", result(params)))
    assert.deepStrictEqual(take("tool_calling_result", result({ a: 1 }, { status: "error", error: "Refusing" })), {
      _tag: "ToolLoop"
    })
    assert.lengthOf(findings, 2)
  })

  it("are no loop where a tool does not tell its parameters, and each result is a finding", () => {
    const { findings, take } = progress()
    const clusters = ["eu", "us", "ap", "sa"]
    for (const [at, cluster] of clusters.entries()) {
      const params = at % 2 === 0 ? { params: null } : {}
      const result = { status: "success", error: null, data: `{"nodes":["rabbit@${cluster}"]}`, ...params }
      assert.isUndefined(take("tool_calling_result", { name: "get_rabbitmq_cluster_status", result }))
    }
    assert.lengthOf(findings, clusters.length)
  })

  it("of a response that came as a whole are its tool calls", () => {
    const { course, findings } = progress()
    course.takeWhole(JSON.stringify({ analysis: "x", tool_calls: [result({ a: 1 })] }))
    course.takeWhole("<html>")
    assert.lengthOf(findings, 1)
  })

  it("that are no JSON are nothing", () => {
    const { findings, take } = progress()
    for (const event of ["ai_message", "tool_calling_result", "token_count"]) assert.isUndefined(take(event, "{"))
    assert.isTrue(findings.every(({ text }) => text === ""))
  })
})
