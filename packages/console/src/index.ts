export { Fleet, type FleetOptions, openFleet } from './fleet/fleet.js';
export type {
  CallerMethodView,
  CallerView,
  EdgeView,
  FleetView,
  InstanceView,
  LastView,
  MethodView,
  RateView,
  ReportStatus,
  ServiceView,
} from './fleet/fleet-view.js';
export type { HeldOpinion } from './fleet/held-opinions.js';
export { type Console, type ConsoleOptions, serveConsole } from './http/console-server.js';
export { type InstanceAccess, InstanceClient, type StreamedCall } from './instances/instance-client.js';
export { ruleRows, rulesDifference, summaryOf } from './rules/describe-rules.js';
export { followerOf, followersOf, type RulesFollower } from './rules/reports-of-rules.js';
export { rollbackComment } from './rules/rollback-comment.js';
export { type RulesAuthor, stampOf, stampRules } from './rules/stamp-rules.js';
export { type Weighed, weighInstance } from './rules/weigh-instance.js';
export type { Trouble } from './traffic/troubles.js';
