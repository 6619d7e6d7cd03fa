"""Connections of a worker to services: what carries ``scan.exchange`` out."""
