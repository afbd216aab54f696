//! The farm command's client side: check, init, retry, logs, builders.
