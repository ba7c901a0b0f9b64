export { type AccessLogOptions, accessLog, type CallLine, slowCalls } from './access-log.js';
export { type EventLog, type EventLogOptions, eventLog, type LogLevel, type StructuredLogger } from './event-log.js';
export { type OpenTelemetryOptions, openTelemetry } from './open-telemetry.js';
export { type PrometheusOptions, prometheus } from './prometheus.js';
export { type ErrorContext, type ReportErrorsOptions, reportErrors } from './report-errors.js';
export {
  type CollectedHead,
  type CollectedHistogram,
  type CollectedMetric,
  type CollectedMetrics,
  type CollectedPoint,
  type EmptyResource,
  type RpcMetrics,
  type RpcMetricsOptions,
  rpcMetrics,
} from './rpc-metrics.js';
