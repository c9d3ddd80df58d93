/** How far a transfer is, drawn as text: a bar for a terminal, a line for every tenth elsewhere. Pure. */
import { bytes } from "./units.ts"

/** A moment of a transfer. `total` is `undefined` where the server has not said it; `elapsed` in milliseconds. */
export interface Moment {
  readonly done: number
  readonly total: number | undefined
  readonly elapsed: number
}

const fraction = ({ done, total }: Moment): number | undefined =>
  total === undefined || total <= 0 ? undefined : Math.min(1, done / total)

const speed = ({ done, elapsed }: Moment): string =>
  elapsed > 0 && done > 0 ? `${bytes((done / elapsed) * 1000)}/s` : ""

const amount = ({ done, total }: Moment): string =>
  total === undefined ? bytes(done) : `${bytes(done)} of ${bytes(total)}`

/** One line of at most `columns` characters: percentage, bar, amount, speed. The bar is left out where there is no room. */
export const bar = (moment: Moment, columns: number): string => {
  const part = fraction(moment)
  // fixed widths, so that the line does not jitter while it is drawn again and again
  const right = `${amount(moment).padStart(22)}  ${speed(moment).padStart(12)}`
  if (part === undefined) return right.trimStart().slice(0, columns)
  const percent = `${Math.floor(part * 100)} %`.padStart(5)
  const room = Math.min(40, columns - percent.length - right.length - 4)
  if (room < 5) return `${percent}  ${amount(moment)}`.slice(0, columns)
  const full = Math.floor(part * room)
  return `${percent} [${"█".repeat(full)}${"░".repeat(room - full)}]${right}`
}

/** Which tenth a transfer has reached, 0 to 10; 0 where nobody knows the total. */
export const tenth = (moment: Moment): number => Math.floor((fraction(moment) ?? 0) * 10 + 1e-9)

/** The lines for the tenths that were passed since `before`, each once, however many were passed at a time. */
export const steps = (moment: Moment, before: number): ReadonlyArray<string> => {
  const { total } = moment
  if (total === undefined) return []
  const lines: Array<string> = []
  for (let passed = before + 1; passed <= tenth(moment); passed++) {
    lines.push(`${`${passed * 10} %`.padStart(5)}  ${amount({ ...moment, done: (total * passed) / 10 })}`)
  }
  return lines
}
