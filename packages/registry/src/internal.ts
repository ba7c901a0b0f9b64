export { registryFromEnvironment, resolveNamespace } from './by-name/from-environment.js';
export { wrapHandle } from './combined/wrap-handle.js';
export { uptimeMs } from './endpoint.js';
export { readEndpoint, readInstance } from './endpoint-data.js';
export { formatReport, parseReport, REPORT_TTL_MS, REPORTS_MAX } from './rules-report-text.js';
export { refusedRegistration } from './settled-registration.js';
export { nextSnapshot, sameSnapshot } from './snapshot.js';
export { createTextWatches, type TextWatches } from './text-watches.js';
export { createWatchList, type WatchList } from './watch-list.js';
