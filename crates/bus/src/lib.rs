//! Publish and receive events. The only owner of queue clients.
