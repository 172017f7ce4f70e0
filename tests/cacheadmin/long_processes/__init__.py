"""A small project that is all long-lived processes: a task worker, WebSockets, an endless command."""
