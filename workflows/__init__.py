"""The lifecycles."""
