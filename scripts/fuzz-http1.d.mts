/** The types of the fuzzer of the HTTP/1.1 parser, for the tests that run it. */
import type { ExchangeStart, ParserEvents, ParserOptions, ResponseParser } from "@urlsession/core/Http1"

/** A generator of whole numbers from 0 up to, and without, a bound: the same ones for the same seed. */
export const random: (seed: number) => (bound: number) => number

/** The next mutated response, and the request it would answer. */
export const mutant: (
  next: (bound: number) => number
) => { readonly text: string; readonly request: ExchangeStart }

/** Cuts bytes into pieces of random sizes. */
export const pieces: (bytes: Uint8Array, next: (bound: number) => number) => ReadonlyArray<Uint8Array>

/** Reads `runs` mutated responses that follow from `seed`; how many were accepted, and refused with which fault. */
export const fuzz: (options: {
  readonly ResponseParser: new(events: ParserEvents, options?: ParserOptions) => ResponseParser
  readonly runs: number
  readonly seed: number
}) => Readonly<Record<string, number>>
