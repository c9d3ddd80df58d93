// Lets a child process run the sources as they are: TypeScript is transpiled as it is loaded.
import { register } from "node:module"

register("./hooks.mjs", import.meta.url)
