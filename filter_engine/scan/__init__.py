"""Scoring core: questions, checks, the driver, the metric and the verdict."""
