// The public modules of @urlsession/node.
export {}
