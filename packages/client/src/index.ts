export { createClient } from './client.js';
export type { Client, ReadyOptions } from './client-types.js';
export { configure, type ServiceConfiguration, type ServiceOptions } from './configure.js';
export type { MetadataSource } from './credentials.js';
export type { ClientEvents, EndpointEvent, RulesAppliedEvent, RulesRejectedEvent, ViewEvent } from './events.js';
export type { LinkState } from './link.js';
export type { NodeLoad } from './load.js';
export type { ClientLayers, ClientOptions } from './options.js';
export type { OutcomeKind } from './outcome.js';
export { p2c } from './picker/p2c.js';
export {
  NodeStatus,
  type Picker,
  type PickerEnvironment,
  type PickerFactory,
  type PickerNode,
  wasTried,
} from './picker/picker.js';
export { roundRobin } from './picker/round-robin.js';
export type { BreakerOptions } from './policy/breaker-options.js';
export type { ConcurrencyLimitOptions } from './policy/concurrency-limit.js';
export type { RateLimitOptions } from './policy/rate-limit.js';
export type { RetryOptions } from './policy/retry.js';
export type { PolicyOptions } from './policy-options.js';
export type { WouldApplyEvent } from './rules/dark-counts.js';
export type { RuleState, RulesState } from './rules/service-rules.js';
export type { ClientState, NodeState, ServiceState } from './state.js';
