/** Makes metrics on a registry. Every HELP text says what is measured, and in which unit. */

import { Counter, Gauge, Histogram, type Registry } from "prom-client"

export interface Registering {
  readonly counter: <const Label extends string>(
    name: string,
    help: string,
    labelNames?: ReadonlyArray<Label>
  ) => Counter<Label>
  readonly gauge: <const Label extends string>(
    name: string,
    help: string,
    labelNames?: ReadonlyArray<Label>
  ) => Gauge<Label>
  readonly histogram: <const Label extends string>(
    name: string,
    help: string,
    buckets: ReadonlyArray<number>,
    labelNames?: ReadonlyArray<Label>
  ) => Histogram<Label>
}

export const on = (registry: Registry): Registering => {
  const registers = [registry]
  return {
    counter: (name, help, labelNames = []) => new Counter({ name, help, labelNames: [...labelNames], registers }),
    gauge: (name, help, labelNames = []) => new Gauge({ name, help, labelNames: [...labelNames], registers }),
    histogram: (name, help, buckets, labelNames = []) =>
      new Histogram({ name, help, buckets: [...buckets], labelNames: [...labelNames], registers })
  }
}
