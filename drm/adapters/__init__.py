"""Adapters of the ports in `drm.ports`, one module for each technology."""
