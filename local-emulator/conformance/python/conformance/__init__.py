"""One suite of cases for any server of google.pubsub.v1, driven through the official Python client."""
