from dataclasses import dataclass
from typing import Any
@dataclass(frozen=True)
class Group:
    name: str
    label: Any = ""
    ttl: int | None = None
