//! Deliveries, views, history, logs and blobs on object storage. The only owner of object_store.
