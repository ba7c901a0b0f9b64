export { type AccessLogOptions, accessLog, type CallLine, slowCalls } from './access-log.js';
export { type EventLog, type EventLogOptions, eventLog, type LogLevel, type StructuredLogger } from './event-log.js';
export { type OpenTelemetryOptions, openTelemetry } from './open-telemetry.js';
export { type PrometheusOptions, prometheus } from './prometheus.js';
export { type ErrorContext, type ReportErrorsOptions, reportErrors } from './report-errors.js';
