"""The promises of a group's results, under one id."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from celery._state import app_or_default
from celery.result.base import ResultBase
from celery.result.result_set import ResultSet
from celery.result.tree import unpickle_result

if TYPE_CHECKING:
    from celery._ports import AppPort, BackendPort

__all__ = ("GroupResult",)


class GroupResult(ResultSet):
    """The promises of the results of a group; can be saved, and restored by its id.

    Args:
        id: Of the group.
        results: Of its members.
        parent: Promise of the task before the group in a chain.
        **kwargs: As for :class:`ResultSet`.
    """

    id: Any = None

    def __init__(
        self,
        id: Any = None,
        results: Iterable[Any] | None = None,
        parent: ResultBase | None = None,
        **kwargs: Any,
    ) -> None:
        self.id = id
        self.parent = parent
        super().__init__(results or (), **kwargs)

    def __str__(self) -> str:
        return str(self.id)

    def __repr__(self) -> str:
        members = ", ".join(str(result.id) for result in self.results)
        return f"<{type(self).__name__}: {self.id} [{members}]>"

    def __bool__(self) -> bool:
        return bool(self.id or self.results)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, GroupResult):
            return bool(
                other.id == self.id
                and other.results == self.results
                and other.parent == self.parent
            )
        if isinstance(other, str):
            return bool(other == self.id)
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self.id)

    def __reduce__(self) -> Any:
        return unpickle_result, ("GroupResult", self.__reduce_args__())

    def __reduce_args__(self) -> tuple[Any, ...]:
        return self.id, self.results, self.parent

    @property
    def children(self) -> list[Any]:
        """Promises of the members."""
        return self.results

    def as_tuple(self) -> Any:
        """Return ``((id, parent), [members])``, the members being tuples of this form."""
        parent = self.parent and self.parent.as_tuple()
        return (self.id, parent), [result.as_tuple() for result in self.results]

    def save(self, backend: "BackendPort | None" = None) -> Any:
        """Store which results belong to the group, and return it.

        Args:
            backend: The store; the application's if None.
        """
        return (backend or self.app.backend).save_group(self.id, self)

    def delete(self, backend: "BackendPort | None" = None) -> None:
        """Remove from the store what :meth:`save` has stored."""
        (backend or self.app.backend).delete_group(self.id)

    @classmethod
    def restore(
        cls, id: Any, backend: "BackendPort | None" = None, app: "AppPort | None" = None
    ) -> "GroupResult | None":
        """Return the group that was saved under `id`, or None.

        Args:
            id: Of the group.
            backend: The store; the application's if None.
            app: The application; the current one if None.
        """
        app = app_or_default(app or cls._app)
        restored: GroupResult | None = (backend or app.backend).restore_group(id)
        return restored
