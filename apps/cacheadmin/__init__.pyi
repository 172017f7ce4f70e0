from cacheadmin.clear import clear_group as clear_group
from cacheadmin.decorators import cached as cached
from cacheadmin.upkeep import tick as refresh

__all__ = ["cached", "clear_group", "refresh"]
__version__: str
