//! More than one hub, and machines of more than one kind.

mod agent_2019;
mod balancer;
mod direct;
mod hubs;
mod keys;
