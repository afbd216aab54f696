//! Machines of clouds, against stand-ins of their APIs whose machines run.
