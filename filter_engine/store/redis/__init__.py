"""Redis: one connection a server and worker, shared by all questions."""
