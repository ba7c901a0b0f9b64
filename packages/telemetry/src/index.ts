export { type AccessLogOptions, accessLog, type CallLine, slowCalls } from './access-log.js';
export { type OpenTelemetryOptions, openTelemetry } from './open-telemetry.js';
export { type PrometheusOptions, prometheus } from './prometheus.js';
