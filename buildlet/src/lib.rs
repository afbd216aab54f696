//! The agent on a build machine: an HTTP server that runs commands, dialing out where it must.
