"""What the client library's errors mean for the engine, in our categories and without its words."""

from __future__ import annotations

from redis.exceptions import (
    AuthenticationError,
    AuthenticationWrongNumberOfArgsError,
    BusyLoadingError,
    ClusterDownError,
    InvalidResponse,
    MaxConnectionsError,
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.engines.redis.direct import DemotedError
from cacheadmin.verdicts import Verdict


class NoMasterError(RedisConnectionError):
    """The Sentinels answered, and none knows a master of this name."""


class NotCoveredError(RedisConnectionError):
    """No node of the Cluster holds the slot of a key."""


# Everything that connecting, sending and reading raise: the resolver's words for a host name with an
# empty or endless part are a UnicodeError.
FAILURES = (RedisError, OSError, UnicodeError)

# What the server or the system says first, and what it means for us.
_WORDS = {
    "NOPERM": Verdict.NO_PERMISSION,
    "NOAUTH": Verdict.NEEDS_PASSWORD,
    "Authentication required": Verdict.NEEDS_PASSWORD,
    "WRONGPASS": Verdict.WRONG_PASSWORD,
    "without any password": Verdict.WRONG_PASSWORD,
    "no password is set": Verdict.WRONG_PASSWORD,
    "invalid username-password": Verdict.WRONG_PASSWORD,
    "invalid password": Verdict.WRONG_PASSWORD,
    "OOM": Verdict.OUT_OF_MEMORY,
    "command not allowed when used memory": Verdict.OUT_OF_MEMORY,
    "READONLY": Verdict.READ_ONLY,
    "read only replica": Verdict.READ_ONLY,
    "LOADING": Verdict.LOADING,
    "MISCONF": Verdict.CANNOT_SAVE,
    "loading the dataset": Verdict.LOADING,
    "DB index is out of range": Verdict.NO_DATABASE,
    "cluster support disabled": Verdict.NOT_CLUSTER,
    "SELECT is not allowed in cluster mode": Verdict.IS_CLUSTER,
    "Protocol Error": Verdict.NOT_REDIS,
    "refused": Verdict.REFUSED,
    "No such file": Verdict.REFUSED,
    "CERTIFICATE_VERIFY_FAILED": Verdict.UNTRUSTED,
    "WRONG_VERSION_NUMBER": Verdict.NO_TLS,
    "closed by server": Verdict.LOST,
    "reset by peer": Verdict.LOST,
    "Broken pipe": Verdict.LOST,
    "SSL": Verdict.NEEDS_TLS,
}
_TYPES: tuple[tuple[type[Exception], Verdict], ...] = (
    (RedisTimeoutError, Verdict.TIMED_OUT),
    (NoPermissionError, Verdict.NO_PERMISSION),
    (BusyLoadingError, Verdict.LOADING),
    (ReadOnlyError, Verdict.READ_ONLY),
    (DemotedError, Verdict.READ_ONLY),
    (OutOfMemoryError, Verdict.OUT_OF_MEMORY),
    (AuthenticationWrongNumberOfArgsError, Verdict.WRONG_PASSWORD),
    (InvalidResponse, Verdict.NOT_REDIS),
    (NoMasterError, Verdict.NO_MASTER),
    (NotCoveredError, Verdict.INCOMPLETE),
    (ClusterDownError, Verdict.INCOMPLETE),
    (MovedError, Verdict.IS_CLUSTER),
    (MaxConnectionsError, Verdict.TIMED_OUT),
    (UnicodeError, Verdict.BAD_ADDRESS),
)


def explain(error: Exception) -> EngineUnavailable:
    """Return what *error* of the client library means for the engine, in our categories."""
    # The library's words can hold the address, so only its type goes on.
    return EngineUnavailable(_verdict(error), type(error).__name__)


def _verdict(error: Exception) -> Verdict:
    for kind, verdict in _TYPES:
        if isinstance(error, kind):
            return verdict
    text = str(error)
    for word, verdict in _WORDS.items():
        if word in text:
            return verdict
    if isinstance(error, AuthenticationError):
        return Verdict.WRONG_PASSWORD
    return Verdict.UNREACHABLE if isinstance(error, RedisConnectionError | OSError) else Verdict.ERROR
