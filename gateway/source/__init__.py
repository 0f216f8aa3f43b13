"""Reads cameras: one PyAV reader per camera, supervised."""
