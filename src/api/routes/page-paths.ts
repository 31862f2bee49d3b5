/** Where a host shows pages to people, beside the API's operations; none of them needs a key. */
export const playgroundPaths = ['/', '/service-worker.js', '/assets/:file'] as const;
export const docsPaths = ['/openapi.json', '/docs'] as const;
