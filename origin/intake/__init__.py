"""Takes masters in over HTTP: resumable uploads, their state in the store, their processing."""
