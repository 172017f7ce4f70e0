from django.contrib.sessions.backends.cached_db import SessionStore
