export { answerTroubles, askTroubles, type CallTrouble } from './call-troubles.js';
export { answerUses, askUses, type ClientUse } from './client-uses.js';
export { type Cancel, type Clock, systemClock } from './clock.js';
export type { Code } from './code.js';
export { type CallContext, type ContextKey, callContext, contextKey, detached, type Peer } from './context.js';
export { defineService, duplex, method, notify, stream, upload } from './contract.js';
export type { ContractDifference } from './contract-summary.js';
export type {
  ArgsSchema,
  MethodDeclaration,
  MethodDeclarations,
  MethodDefinition,
  MethodKind,
  MethodOptions,
  NotifyOptions,
  ReservedNames,
  Schema,
  SchemaOptions,
  ServiceDefaults,
  ServiceDefinition,
} from './contract-types.js';
export type { Destination, NodeSubset, SilentNode, Trial } from './destination.js';
export { type AttemptRecord, isRpcError, type Progress, RpcError, type RpcErrorOptions } from './error.js';
export type { ExplainedNode, Explanation, NodeFault } from './explanation.js';
export type {
  CallOptions,
  InterfaceClient,
  InterfaceMethodName,
  InterfaceMethods,
  MethodArgs,
  MethodName,
  MethodResult,
  MustName,
  ResponseInfo,
  ServiceClient,
  ServiceHandlers,
  ServiceMethods,
} from './face/stub-types.js';
export type { ItemReceiver, ItemSender } from './items.js';
export { type CallKey, callKey } from './layers/call-key.js';
export { type CoalesceOptions, coalesce } from './layers/coalesce.js';
export { type ResultCache, type ResultCacheOptions, resultCache } from './layers/result-cache.js';
export { DEFAULT_LIMITS, type Limits } from './limits.js';
export type { Metadata } from './metadata.js';
export type { LoopWatch, MethodRef, WaitEnder } from './method-ref.js';
export type {
  AnyFunction,
  AnyIterable,
  DuplexDeclaration,
  DuplexFunction,
  Explicit,
  HandlerResult,
  IsStream,
  Item,
  MaybePromise,
  NotifyDeclaration,
  NotifyFunction,
  StreamClient,
  StreamDeclaration,
  StreamFunction,
  UnaryClient,
  UnaryDeclaration,
  UploadDeclaration,
  UploadFunction,
  WithSource,
  WriteInstead,
} from './method-types.js';
export type { ReservedMethodName } from './names.js';
export { answerOpinions, askOpinions, type NodeOpinion } from './node-opinions.js';
export type {
  AttemptObservation,
  ClientObservation,
  EventObservation,
  ObservedAttempt,
  ObservedCall,
  ObservedClientCall,
  ObservedItems,
  ObservedServerCall,
  ServerObservation,
} from './observation.js';
export { CHANNELS, type Observer, observe } from './observe.js';
export type { BalancerValues, PickerName } from './policies/balancer.js';
export type { BreakerOptions } from './policies/breaker.js';
export type { ConcurrencyLimitOptions } from './policies/concurrency.js';
export type { EjectionOptions } from './policies/ejection.js';
export type { FailureValues, FailureWhen } from './policies/failure.js';
export type { FailedCallInfo, FallbackFunction, FallbackOptions } from './policies/fallback.js';
export type { FaultOptions } from './policies/fault.js';
export type { HedgeOptions } from './policies/hedge.js';
export type { MirrorOptions } from './policies/mirror.js';
export type {
  CallPolicyOptions,
  ClientPolicyOptions,
  PolicyOptions,
  ServicePolicyOptions,
} from './policies/policies.js';
export type { RateLimitOptions } from './policies/rate-limit.js';
export type { RetryOptions } from './policies/retry.js';
export type { RetryBudgetOptions } from './policies/retry-budget.js';
export type { RetryLaterOptions } from './policies/retry-later.js';
export type { Route, RouteKey, RouteMatch, RouteTarget } from './policies/route.js';
export type { AdaptiveLimitOptions, OverloadOptions, ServerConcurrency } from './policies/server-limits.js';
export type { SubsetOptions } from './policies/subset.js';
export type { MethodSwitch } from './policies/switch.js';
export type { ThrottleOptions } from './policies/throttle.js';
export type { TimeoutValues } from './policies/timeout.js';
export { type Random, systemRandom } from './random.js';
export type {
  InRule,
  MethodRule,
  MethodRules,
  RouteRule,
  RuleMode,
  RulePolicy,
  RuleScope,
  RulesDocument,
  ServerRule,
  ServerRules,
  ServiceRule,
  ServiceRules,
  SwitchRule,
  WeightRule,
} from './rules/rules-document.js';
export type { ValidationDetails, ValidationIssue } from './schema.js';
export type {
  ArgsInput,
  ArgsOutput,
  EachInput,
  EachOutput,
  OptionalTail,
  ResultInput,
  ResultOutput,
} from './schema-types.js';
export {
  type AbandonReason,
  Call,
  type CallHolder,
  type CallStream,
  type Gate,
  type Layer,
  type Outcome,
  type Service,
} from './service.js';
export type { StreamLayer, StreamService } from './stream.js';
export type { CallTerms, LimitedBy, SetBy, TimeLimit } from './time-limit.js';
export {
  type CallPhase,
  type CallStanding,
  CallTrail,
  type DownstreamCall,
  type PhaseTimes,
  type TimeSpent,
  type Unasked,
} from './time-spent.js';
