/** Whether this runtime's `fetch` sends a body while it is made: asked of the runtime itself. */

/** `duplex` is not in every version of the types of the DOM. */
export interface StreamingInit extends RequestInit {
  readonly duplex?: "half"
}

/**
 * A runtime that streams looks at `duplex`; one that does not takes the stream for a value to be made into text, and says so by
 * a content type.
 */
export const streamsUploads = (): boolean => {
  let looked = false
  const init: StreamingInit = {
    method: "POST",
    body: new ReadableStream(),
    get duplex(): "half" {
      looked = true
      return "half"
    }
  }
  try {
    return !new Request("https://upload.invalid/", init).headers.has("content-type") && looked
  } catch {
    return false
  }
}
