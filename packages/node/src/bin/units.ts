/** Bytes and milliseconds in the form that people read. */

const binary: ReadonlyArray<readonly [limit: number, unit: string]> = [
  [1024 ** 4, "TiB"],
  [1024 ** 3, "GiB"],
  [1024 ** 2, "MiB"],
  [1024, "KiB"]
]

/** `24.0 MiB`; whole bytes below a KiB. */
export const bytes = (count: number): string => {
  for (const [limit, unit] of binary) {
    if (count >= limit) return `${(count / limit).toFixed(1)} ${unit}`
  }
  return `${Math.round(count)} B`
}

/** `0.42 ms`, `42.0 ms`, `4.20 s`, `4.2 min`, `4.2 h`: three digits or so. */
export const time = (milliseconds: number): string => {
  if (milliseconds >= 3_600_000) return `${(milliseconds / 3_600_000).toFixed(1)} h`
  if (milliseconds >= 60_000) return `${(milliseconds / 60_000).toFixed(1)} min`
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(2)} s`
  return `${milliseconds.toFixed(milliseconds < 10 ? 2 : 1)} ms`
}
