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
