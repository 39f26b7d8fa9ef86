"""Workflows: signatures, chains, groups and chords, and what maps a task over items."""

from celery.canvas.chain import _chain, chain
from celery.canvas.chord import _chord, chord
from celery.canvas.factory import maybe_signature, maybe_subtask, signature, subtask
from celery.canvas.group import group
from celery.canvas.maps import chunks, xmap, xstarmap
from celery.canvas.signature import Signature, task_name_from
from celery.canvas.stamping import StampingVisitor
from celery.canvas.unroll import maybe_unroll_group

__all__ = [
    "Signature",
    "StampingVisitor",
    "_chain",
    "_chord",
    "chain",
    "chord",
    "chunks",
    "group",
    "maybe_signature",
    "maybe_subtask",
    "maybe_unroll_group",
    "signature",
    "subtask",
    "task_name_from",
    "xmap",
    "xstarmap",
]
