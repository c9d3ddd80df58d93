// The public modules of @urlsession/browser.
export {}
