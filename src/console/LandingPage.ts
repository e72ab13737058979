/** The page at `/`: the current status and links to the other pages. It is one file and requests only this service. */
export const page = (version: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Kubernaut</title>
<style>
:root { color-scheme: light dark; font-family: system-ui, sans-serif; line-height: 1.5 }
main { max-width: 42rem; margin: 3rem auto; padding: 0 1rem }
code { font-size: .95em }
#state { padding: .75rem 1rem; border: 1px solid; border-radius: .5rem; margin: 1rem 0 }
</style>
</head>
<body>
<main>
<h1>Kubernaut</h1>
<p>Turns Kubernetes alerts into verified remediations. Version ${version}.</p>
<p id="state" role="status">Loading the status …</p>
<ul>
<li><a href="docs">API reference</a> (<a href="openapi.json">OpenAPI</a>)</li>
<li><a href="api/v1/remediations">Remediations</a>, <a href="api/v1/reviews">reviews</a>, <a href="api/v1/changes">changes</a>, <a href="api/v1/status">status</a>, <a href="api/v1/audit">audit log</a> as JSON</li>
<li><a href="livez?verbose">Liveness</a>, <a href="readyz?verbose">readiness</a>, <a href="metrics">metrics</a></li>
</ul>
<p>On the command line: <code>kubernaut status</code>, <code>kubernaut remediations list</code>, <code>kubernaut reviews</code>, <code>kubernaut changes</code>, <code>kubernaut rollback ID</code>.</p>
</main>
<script>
const state = document.getElementById("state")
fetch("api/v1/status").then(async (response) => {
  if (response.status === 401) { state.textContent = "The status requires a token. Run kubernaut status --token …"; return }
  if (!response.ok) throw new Error(String(response.status))
  const { level, reasons, mode, cluster, components, emergencyStop } = await response.json()
  const names = ["full operation", "reduced AI", "rules only", "emergency"]
  state.textContent = "Level " + level + ", " + names[level] + (reasons.length ? " (" + reasons.join("; ") + ")" : "") + ". Cluster " + cluster + ", mode " + mode + "."
  if (emergencyStop) state.textContent = "EMERGENCY STOP: no new action starts. Set by " + emergencyStop.by + " at " + emergencyStop.since + (emergencyStop.reason ? " (" + emergencyStop.reason + ")" : "") + ". " + state.textContent
  const faults = components.find(({ name }) => name === "fault-injection")
  if (faults) state.textContent += " Warning: " + faults.message + "."
}).catch(() => { state.textContent = "The status is not available right now." })
</script>
</body>
</html>
`
