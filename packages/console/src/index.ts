export { Fleet, type FleetOptions, openFleet } from './fleet/fleet.js';
export type {
  EdgeView,
  FleetView,
  InstanceView,
  MethodView,
  RateView,
  ReportStatus,
  ServiceView,
} from './fleet/fleet-view.js';
export { type InstanceAccess, InstanceClient } from './instances/instance-client.js';
export { type Weighed, weighInstance } from './rules/weigh-instance.js';
