"""The header edits of a verdict: a pure function, rendered once for milter and HTTP alike."""
