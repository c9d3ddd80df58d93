/** The authorities of the examples, which tests use as well. */
export * from "../../../../examples/support/pki.ts"
