//! Buildlet HTTP client and types, machine keys, reverse dialing.
