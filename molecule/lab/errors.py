"""What goes wrong in the lab, said to a person."""

from __future__ import annotations


class LabError(Exception):
    """A lab verb could not do its work; the message names what failed and the likely fix."""
