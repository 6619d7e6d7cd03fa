"""Which of several servers to use next, and which to leave alone for a while."""
