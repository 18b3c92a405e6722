"""TLS on the listener for media."""
