//! Where source code lives: webhook signatures and payloads, and reading git repositories.
