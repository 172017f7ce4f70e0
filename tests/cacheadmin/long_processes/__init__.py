"""A small project that is all long-lived processes: a task worker, open WebSockets, a command without an end."""
