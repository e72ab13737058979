/** The report's style sheet and script, which are part of the page itself. */

/** Colours are named by their meaning; each has a light and a dark value. */
export const style = `
:root {
  color-scheme: light dark;
  --page: light-dark(#f6f7f9, #0e1116); --card: light-dark(#ffffff, #161b22); --line: light-dark(#e3e7ec, #262d37);
  --ink: light-dark(#1b2430, #e6edf3); --soft: light-dark(#5b6776, #93a1b2); --faint: light-dark(#eef1f5, #1b212a);
  --good: light-dark(#2f9e6b, #3fb27f); --busy: light-dark(#3b7ddd, #5a9bf0); --wait: light-dark(#8b6fd8, #a58cf0);
  --warn: light-dark(#d9922b, #e3a84a); --bad: light-dark(#d64550, #f0656f); --dim: light-dark(#aab4c0, #4a5563);
  --label: 10.5rem; --zoom: 1;
}
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--ink); font: 14px/1.45 ui-sans-serif, system-ui, "Segoe UI", Roboto, sans-serif }
main { max-width: 1600px; margin: 0 auto; padding: 1.6rem 1.4rem 4rem }
code, .mono { font-family: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, monospace; font-size: .92em }
h1 { font-size: 1.35rem; margin: 0; letter-spacing: -.01em } h2 { font-size: 1rem; margin: 2rem 0 .6rem }
header { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center }
header p { margin: 0; color: var(--soft); flex-basis: 100% }
.pill { border-radius: 99px; padding: .12rem .7rem; font-weight: 600; font-size: .82rem; color: #fff; background: var(--tone) }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .7rem; margin: 1.1rem 0 }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .65rem .85rem }
.card b { display: block; font-size: 1.3rem; font-variant-numeric: tabular-nums; letter-spacing: -.02em } .card span { color: var(--soft); font-size: .8rem }
.problem { background: var(--card); border: 1px solid var(--line); border-left: 4px solid var(--bad); border-radius: 10px; padding: .8rem 1rem; margin: .8rem 0 }
.problem ul { margin: .3rem 0; padding-left: 1.1rem } .problem pre { overflow-x: auto; background: var(--faint); border-radius: 6px; padding: .5rem .7rem; margin: .5rem 0 0 }
.bar { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; margin: 1.6rem 0 .5rem } .bar h2 { margin: 0 }
.zoom { display: inline-flex; border: 1px solid var(--line); border-radius: 8px; overflow: hidden; background: var(--card) }
.zoom label { padding: .2rem .6rem; cursor: pointer; font-size: .82rem; color: var(--soft) } .zoom label:hover { background: var(--faint) }
.zoom input { position: absolute; opacity: 0; pointer-events: none } .zoom label:has(:checked) { background: var(--busy); color: #fff } .zoom label:has(:focus-visible) { outline: 2px solid var(--busy); outline-offset: 2px }
select { font: inherit; font-size: .82rem; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .22rem .5rem; max-width: 26rem }
.legend { display: flex; flex-wrap: wrap; gap: .2rem .9rem; color: var(--soft); font-size: .8rem; margin-left: auto } .legend i { display: inline-block; width: .7rem; height: .7rem; border-radius: 3px; background: var(--tone); margin-right: .3rem; vertical-align: -1px }
body:has(#z1:checked) { --zoom: 1 } body:has(#z2:checked) { --zoom: 4 } body:has(#z3:checked) { --zoom: 16 } body:has(#z4:checked) { --zoom: 64 } body:has(#z5:checked) { --zoom: 256 }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 12px; overscroll-behavior-x: contain }
.canvas { position: relative; width: calc(var(--label) + (100% - var(--label)) * var(--zoom)); padding-bottom: .5rem }
.guides { position: absolute; inset: 0 0 0 var(--label); pointer-events: none; z-index: 1 }
.guides i { position: absolute; top: 1.7rem; bottom: 0; border-left: 1px solid var(--line) }
.guides .healing { right: 0; background: repeating-linear-gradient(-45deg, transparent 0 6px, color-mix(in srgb, var(--good) 9%, transparent) 6px 8px); border-left: 1.5px dashed var(--good) }
.guides .violation { border-left: 2px solid var(--bad); z-index: 3 }
.axis { position: relative; overflow-x: clip; height: 1.7rem; margin-left: var(--label); border-bottom: 1px solid var(--line); color: var(--soft); font-size: .74rem; font-variant-numeric: tabular-nums }
.axis span { position: absolute; top: .35rem; padding-left: .3rem; white-space: nowrap }
.lane { position: relative; border-top: 1px solid var(--line); padding: .3rem 0 } .axis + .lane { border-top: 0 }
.row { display: grid; grid-template-columns: var(--label) 1fr; height: 19px }
.row > .name { position: sticky; left: 0; z-index: 4; background: var(--card); padding: 0 .6rem 0 .8rem; font-size: .76rem; color: var(--soft); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; border-right: 1px solid var(--line); line-height: 19px }
.title { white-space: nowrap; overflow: hidden; position: sticky; left: 0; width: var(--label); z-index: 4; background: var(--card); padding: .1rem .8rem; font-weight: 650; font-size: .72rem; letter-spacing: .06em; text-transform: uppercase; border-right: 1px solid var(--line) }
.title em { font-style: normal; font-weight: 400; color: var(--soft); letter-spacing: 0; text-transform: none }
.track { position: relative; overflow-x: clip }
.s { position: absolute; top: 2px; height: 15px; min-width: 3px; border-radius: 3px; background: var(--tone); container-type: inline-size; overflow: clip; z-index: 2; box-shadow: 0 0 0 .5px var(--card) }
.s b { display: none; position: sticky; left: calc(var(--label) + .3rem); width: max-content; padding: 0 .3rem; font: 600 .66rem/15px inherit; font-size: .66rem; line-height: 15px; color: #fff; white-space: nowrap } @container (min-width: 3rem) { .s b { display: block } }
.p { width: 8px; min-width: 8px; height: 8px; top: 5.5px; margin-left: -4px; border-radius: 2px; rotate: 45deg; z-index: 3 }
[data-r] { cursor: pointer } .picked .s { opacity: .16 } .picked .s.on { opacity: 1 } .s:hover { filter: brightness(1.12) }
.good { --tone: var(--good) } .busy { --tone: var(--busy) } .wait { --tone: var(--wait) } .warn { --tone: var(--warn) } .bad { --tone: var(--bad) } .dim { --tone: var(--dim) }
#tip { position: fixed; z-index: 9; max-width: 34rem; pointer-events: none; background: var(--ink); color: var(--page); border-radius: 8px; padding: .4rem .65rem; font-size: .8rem; box-shadow: 0 6px 24px #0004 } #tip small { opacity: .7; display: block; font-variant-numeric: tabular-nums }
.tables { display: grid; grid-template-columns: repeat(auto-fit, minmax(22rem, 1fr)); gap: 1rem; align-items: start }
.box { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: .8rem 1rem; overflow-x: auto } .box h3 { margin: 0 0 .5rem; font-size: .86rem }
table { border-collapse: collapse; font-size: .8rem; width: 100% } th { text-align: left; font-weight: 500; color: var(--soft) } td { font-variant-numeric: tabular-nums } th, td { padding: .16rem .5rem .16rem 0; vertical-align: top }
.heat td { text-align: center; padding: .16rem .3rem; border-radius: 4px; background: color-mix(in srgb, var(--busy) var(--heat), transparent) } .heat thead th { text-align: center; font-size: .72rem } .heat .none { color: var(--dim) }
.trace { max-height: 34rem; overflow: auto; padding: 0 } .trace table { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .74rem } .trace tr { content-visibility: auto; contain-intrinsic-height: 1.4rem }
.trace td { border-top: 1px solid var(--line); padding: .14rem .6rem } .trace td:nth-child(-n+2) { text-align: right; color: var(--soft); white-space: nowrap } .trace td:nth-child(3) { white-space: nowrap; color: var(--soft) } .trace tr.hide { display: none }
.trace tr.faults td:nth-child(3), .trace tr.faults td:nth-child(4) { color: var(--bad) } .trace tr.actions td:nth-child(4) { color: var(--good) }
footer { color: var(--soft); font-size: .8rem; margin-top: 2rem }
@media print { .scroll, .trace { overflow: visible; max-height: none } }
`

/**
 * Tooltips, ticks for each zoom level, wheel and keys, and the selection of one incident. The page shows everything and
 * zooms without it.
 */
export const script = `
const $ = (q) => document.querySelector(q), all = (q) => [...document.querySelectorAll(q)]
const scroll = $(".scroll"), canvas = $(".canvas"), axis = $(".axis"), tip = $("#tip"), pick = $("#pick")
const until = Number(canvas.dataset.until), start = Number(canvas.dataset.from), labelWidth = () => $(".title").offsetWidth
const two = (n) => String(Math.floor(n)).padStart(2, "0")
const clock = (ms, fine) => (ms >= 864e5 ? Math.floor(ms / 864e5) + "d " : "") + two(ms / 36e5 % 24) + ":" + two(ms / 6e4 % 60) + (fine ? ":" + two(ms / 1e3 % 60) : "") + (fine && fine < 1000 ? "." + String(Math.floor(ms % 1000)).padStart(3, "0") : "")
const steps = [100, 500, 1e3, 5e3, 15e3, 3e4, 6e4, 3e5, 6e5, 18e5, 36e5, 108e5, 216e5, 864e5, 6048e5]
const ticks = () => {
  const width = canvas.clientWidth - labelWidth(), span = until - start, step = steps.find((s) => s / span * width > 90) || steps.at(-1)
  const from = start + Math.max(0, (scroll.scrollLeft - 400) / width * span), to = start + Math.min(span, (scroll.scrollLeft + scroll.clientWidth + 400) / width * span)
  let html = ""
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) html += '<span style="left:' + (at - start) / span * 100 + '%">' + clock(at, step < 6e4 ? step : 0) + "</span>"
  axis.innerHTML = html
}
const levels = all(".zoom input")
const level = () => levels.findIndex((input) => input.checked)
const at = (x) => start + (scroll.scrollLeft + x - labelWidth()) / (canvas.clientWidth - labelWidth()) * (until - start)
const show = (ms, x) => { scroll.scrollLeft = (ms - start) / (until - start) * (canvas.clientWidth - labelWidth()) + labelWidth() - x; ticks() }
const zoomTo = (next, x) => { const ms = at(x); levels[Math.max(0, Math.min(levels.length - 1, next))].checked = true; show(ms, x) }
let middle = (start + until) / 2
scroll.addEventListener("scroll", () => { middle = at(scroll.clientWidth / 2); ticks() }, { passive: true })
levels.forEach((input) => input.addEventListener("change", () => show(middle, scroll.clientWidth / 2)))
scroll.addEventListener("wheel", (event) => { if (!event.ctrlKey && !event.metaKey) return; event.preventDefault(); zoomTo(level() + (event.deltaY < 0 ? 1 : -1), event.clientX - scroll.getBoundingClientRect().left) }, { passive: false })
document.addEventListener("keydown", (event) => { if (event.target.matches("select")) return; if (event.key === "+" || event.key === "=") zoomTo(level() + 1, scroll.clientWidth / 2); if (event.key === "-") zoomTo(level() - 1, scroll.clientWidth / 2); if (event.key === "Escape") choose("") })
const choose = (id) => {
  pick.value = id; document.body.classList.toggle("picked", id !== "")
  const spans = all(".s[data-r]"); let from = Infinity, to = 0
  for (const span of all(".s")) {
    const on = span.dataset.r === id && id !== ""
    span.classList.toggle("on", on)
    if (on) { from = Math.min(from, Number(span.dataset.f)); to = Math.max(to, Number(span.dataset.t)) }
  }
  // What surrounds it stays bright.
  for (const span of all('[data-lane="faults"] .s, [data-lane="level"] .s, [data-lane="breakers"] .s, [data-lane="processes"] .s')) span.classList.add("on")
  const name = pick.selectedOptions[0]?.dataset.name
  if (name) for (const row of all('[data-lane="workloads"] .row')) if (row.firstElementChild.textContent.endsWith("/" + name)) row.querySelectorAll(".s").forEach((span) => span.classList.add("on"))
  for (const row of all(".trace tr")) row.classList.toggle("hide", id !== "" && row.dataset.r !== id && !(row.className.includes("faults") && Number(row.dataset.f) >= from && Number(row.dataset.f) <= to))
  if (id === "" || from === Infinity) return
  const wanted = (until - start) / Math.max(1, to - from) * .5, zooms = [1, 4, 16, 64, 256]
  levels[Math.max(0, zooms.findLastIndex((zoom) => zoom <= wanted))].checked = true
  show((from + to) / 2, (scroll.clientWidth + labelWidth()) / 2)
}
document.addEventListener("click", (event) => { const id = event.target.closest("[data-r]")?.dataset.r; if (id) choose(pick.value === id ? "" : id) })
pick.addEventListener("change", () => choose(pick.value))
for (const span of all(".s")) { span.dataset.d = span.title; span.removeAttribute("title") }
document.addEventListener("pointermove", (event) => {
  const span = event.target.closest?.(".s"); tip.hidden = !span
  if (!span) return
  const from = Number(span.dataset.f), to = Number(span.dataset.t)
  tip.textContent = span.dataset.d
  const small = document.createElement("small"); small.textContent = clock(from, 1) + (to > from ? " for " + (to - from >= 6e4 ? Math.round((to - from) / 6e3) / 10 + " min" : (to - from) / 1e3 + " s") : ""); tip.append(small)
  tip.style.left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 10) + "px"; tip.style.top = Math.min(event.clientY + 16, innerHeight - tip.offsetHeight - 10) + "px"
})
addEventListener("resize", ticks); ticks()
if (location.hash.length > 1) choose(decodeURIComponent(location.hash.slice(1)))
`
