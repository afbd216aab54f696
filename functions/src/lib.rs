//! The stateless functions, one module each, in one binary.
