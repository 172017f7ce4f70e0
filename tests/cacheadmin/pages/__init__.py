"""A small site behind the page cache, and somebody who asks it."""
