export type { AdminOptions } from './admin/admin-options.js';
export { Health, type HealthReport, type HealthStatus } from './builtin/health.js';
export { type MethodDescription, Reflection, type ServiceDescription } from './builtin/reflection.js';
export type { ServerEvents } from './face/events.js';
export type { ListenOptions } from './face/listen-options.js';
export type { ServerLayers, ServerOptions } from './face/options.js';
export { createServer } from './face/server.js';
export type { InstanceUpdate, Server, ServerAddress } from './face/server-types.js';
export type { Authenticate, AuthenticationAttempt, AuthenticationEvent, Identity } from './life/authentication.js';
export type { ConnectionAgeOptions } from './life/connection-age.js';
export type { CloseOptions } from './life/drain.js';
export type { SignalOptions } from './life/signals.js';
export { type CallCounts, Operator, type OperatorReport } from './operator/operator.js';
export { OPERATOR_TOKEN_KEY, type OperatorOptions } from './operator/operator-options.js';
export type {
  CallerLimits,
  CallLimitsState,
  MethodLimits,
  OverloadState,
  ServerRateLimit,
  ServiceLimits,
} from './policy/call-limits.js';
export type { LimitSource, ServerConcurrencyState } from './policy/concurrency.js';
export type { OneWayDroppedEvent } from './policy/dropped-calls.js';
export type { CallerLimitState, ServerRateState } from './policy/level-limits.js';
export type { OutlivedEvent } from './policy/outlived-calls.js';
export type { ServerRulesEvent, ServerRulesState } from './rules/served-rules.js';
export type { ContractEvent } from './served-contracts.js';
export type { ServerState, WorkerStatus } from './state.js';
export type { WorkerEvent } from './workers/worker-event.js';
