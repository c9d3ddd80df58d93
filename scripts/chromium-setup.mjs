// Runs before the browser tests: sees to it that there is a browser.
export { unpack as setup } from "./chromium.mjs"
