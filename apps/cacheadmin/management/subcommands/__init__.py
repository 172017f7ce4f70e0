"""The words that ``manage.py cache`` takes, a module each, in the order of its help."""

from cacheadmin.management.subcommands.adopt import Adopt
from cacheadmin.management.subcommands.base import Subcommand
from cacheadmin.management.subcommands.benchmark import Benchmark
from cacheadmin.management.subcommands.claim import Claim
from cacheadmin.management.subcommands.clear import Clear
from cacheadmin.management.subcommands.detect import Detect
from cacheadmin.management.subcommands.history import History, Rollback
from cacheadmin.management.subcommands.purge import Purge
from cacheadmin.management.subcommands.stats import Stats
from cacheadmin.management.subcommands.status import Status
from cacheadmin.management.subcommands.test import Test
from cacheadmin.management.subcommands.top import Top
from cacheadmin.management.subcommands.ttl import Ttl
from cacheadmin.management.subcommands.use import Use
from cacheadmin.management.subcommands.warm import Warm

ALL: tuple[type[Subcommand], ...] = (
    Status,
    Detect,
    Test,
    Use,
    Ttl,
    Claim,
    Clear,
    Warm,
    Stats,
    Top,
    History,
    Rollback,
    Benchmark,
    Adopt,
    Purge,
)
