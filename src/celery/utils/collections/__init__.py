"""Containers: attributes as items, layered mappings, bounded sets and buffers."""

from celery.utils.collections.attrdict import (
    AttributeDict,
    AttributeDictMixin,
    DictAttribute,
    force_mapping,
)
from celery.utils.collections.buffers import BufferMap, Evictable, Messagebuffer, OrderedDict
from celery.utils.collections.chainmap import ChainMap, ConfigurationView, lpmerge
from celery.utils.collections.limitedset import LimitedSet

# Workers keep pickles of it: they name the class as documented, in this version and in others.
LimitedSet.__module__ = __name__

__all__ = (
    "AttributeDict",
    "AttributeDictMixin",
    "BufferMap",
    "ChainMap",
    "ConfigurationView",
    "DictAttribute",
    "Evictable",
    "LimitedSet",
    "Messagebuffer",
    "OrderedDict",
    "force_mapping",
    "lpmerge",
)
