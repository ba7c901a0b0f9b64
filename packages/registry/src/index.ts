export { type RememberedOptions, remembered } from './combined/remembered.js';
export { several } from './combined/several.js';
export type { WouldApplyEvent } from './dark-counts.js';
export { direct } from './direct/direct.js';
export { type DnsOptions, type DnsService, dns } from './dns/dns.js';
export { type Endpoint, type EndpointState, endpointAddress } from './endpoint.js';
export type { EndpointSecret } from './endpoint-secret.js';
export { type LocalOptions, local } from './local/local.js';
export { memory } from './memory/memory.js';
export type {
  Gone,
  GoneReason,
  Instance,
  Registration,
  RegistrationState,
  Registry,
  RegistryEnvironment,
  RegistryEvent,
  RegistryHandle,
  Snapshot,
  Watch,
} from './registry.js';
export type { RulesReport, RulesSource, RulesStore, StoredRules } from './rules-source.js';
