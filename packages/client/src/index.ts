export type { BroadcastOutcome } from './attempts/broadcast.js';
export type {
  ClientEvents,
  DroppedEvent,
  EndpointEvent,
  InstanceOfEvent,
  MirrorEvent,
  RulesAppliedEvent,
  RulesRejectedEvent,
  ViewEvent,
} from './events.js';
export { createClient } from './face/client.js';
export type { Client, ReadyOptions } from './face/client-types.js';
export { configure, type ServiceConfiguration, type ServiceOptions } from './face/configure.js';
export type { ClientLayers, ClientOptions } from './face/options.js';
export type { Propagation } from './face/propagation.js';
export type { ExplainedCall } from './nodes/explanation.js';
export type { LinkState } from './nodes/link.js';
export type {
  ClientState,
  MethodState,
  NodeState,
  ServiceState,
} from './nodes/state.js';
export type { TokenOption } from './nodes/token-source.js';
export { type ConsistentHashOptions, consistentHash, type HashKeySource } from './picker/consistent-hash.js';
export { leastActive } from './picker/least-active.js';
export { type LocalFirstOptions, localFirst } from './picker/local-first.js';
export { type P2cOptions, p2c } from './picker/p2c.js';
export {
  type NodeLoad,
  NodeStatus,
  type Picker,
  type PickerEnvironment,
  type PickerFactory,
  type PickerNode,
  type ReportedLoad,
  wasTried,
} from './picker/picker.js';
export { random } from './picker/random.js';
export { roundRobin, weightedRoundRobin } from './picker/round-robin.js';
export type { MetadataSource } from './policy/credentials.js';
export type { OutcomeKind } from './policy/outcome.js';
export type {
  ConcurrencyState,
  KeptCallsState,
  LimitState,
  NodeHealthState,
  RateState,
  RetryBudgetState,
} from './policy/policy-state.js';
export type { RuleState, RulesState } from './rules/service-rules.js';
