//! The process shell: settings, clock, tracing, serving on Lambda or a port, shutdown, errors.
