"""The type hint for models whose input comes as their example is."""

from modelshelf.flavors.hinted import TypeFromExample

__all__ = ["TypeFromExample"]
