"""Tests of the drm component."""
