/** The disruption budgets that allow nothing: of which workload, and since when. */
export class ForbiddenDisruptions {
  private readonly budgets = new Map<string, { readonly workload: string; readonly sinceMs: number }>()

  add(workload: string, budget: string, sinceMs: number): void {
    this.budgets.set(budget, { workload, sinceMs })
  }

  remove(budget: string): void {
    this.budgets.delete(budget)
  }

  /** Since when a budget has allowed no disruption of a workload; `undefined` if none forbids it now. */
  sinceMs(workload: string): number | undefined {
    const since = [...this.budgets.values()].filter((each) => each.workload === workload).map(({ sinceMs }) => sinceMs)
    return since.length === 0 ? undefined : Math.min(...since)
  }
}
