"""Values, exceptions and metadata of results to bytes, and back."""

import warnings
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, ClassVar, Final

from kombu import compression as kombu_compression
from kombu import serialization as kombu_serialization

from celery._state import get_current_task
from celery.backends._exceptions import exception_from_stored, exception_to_stored
from celery.exceptions import ImproperlyConfigured
from celery.result.base import ResultBase
from celery.states import EXCEPTION_STATES, READY_STATES

if TYPE_CHECKING:
    from celery._ports import AppPort

__all__ = ("ResultCodec", "compress_payload", "decompress_payload")

#: Opens a payload that is compressed; then follow the MIME type, a zero byte, and the data.
COMPRESSED_MAGIC: Final = b"\0celery-compressed\0"


def compress_payload(payload: str | bytes, compression: str) -> bytes:
    """Return `payload` compressed by `compression`, a name or MIME type known to kombu.

    The method is written in front, so that whoever reads it needs no setting to know it.
    """
    raw = payload.encode() if isinstance(payload, str) else payload
    data, mime = kombu_compression.compress(raw, compression)
    return b"".join((COMPRESSED_MAGIC, mime.encode(), b"\0", data))


def decompress_payload(payload: Any) -> Any:
    """Return what :func:`compress_payload` was given; another payload as it is."""
    if not isinstance(payload, bytes | bytearray | memoryview):
        return payload
    raw = bytes(payload)
    if not raw.startswith(COMPRESSED_MAGIC):
        return raw
    mime, _, data = raw[len(COMPRESSED_MAGIC) :].partition(b"\0")
    return kombu_compression.decompress(data, mime.decode())


class ResultCodec:
    """The part of a backend that turns results into payloads and payloads into results.

    Args:
        app: The application whose settings apply.
        serializer: Name of the serializer; the setting ``result_serializer`` if None.
        accept: Content types that are decoded; the setting ``result_accept_content``, or else
            ``accept_content``, if None.
    """

    #: Whether the store takes arbitrary bytes, and so compressed payloads.
    supports_result_compression: ClassVar[bool] = False

    app: "AppPort"
    serializer: str
    content_type: str
    content_encoding: str
    encoder: Callable[[Any], Any]
    compression: str | None
    accept: Collection[str] | None

    def __init__(
        self,
        app: "AppPort",
        serializer: str | None = None,
        accept: Collection[str] | None = None,
    ) -> None:
        self.app = app
        conf = app.conf
        self.serializer = serializer or conf.result_serializer
        self.content_type, self.content_encoding, self.encoder = (
            kombu_serialization.registry._encoders[self.serializer]
        )
        self.compression = self.prepare_compression(conf.result_compression)
        accept = conf.result_accept_content if accept is None else accept
        accept = conf.accept_content if accept is None else accept
        self.accept = kombu_serialization.prepare_accept_content(accept)

    def prepare_compression(self, compression: str | None) -> str | None:
        """Return `compression` if it can be used, None (and a warning) if the store cannot.

        Raises:
            ImproperlyConfigured: kombu knows no such method.
        """
        if compression is None:
            return None
        if not self.supports_result_compression:
            warnings.warn(
                f"{type(self).__name__} cannot store compressed results: the setting "
                "result_compression has no effect.",
                UserWarning,
                stacklevel=4,
            )
            return None
        try:
            kombu_compression.get_encoder(compression)
        except KeyError as exc:
            known = ", ".join(sorted(kombu_compression.encoders()))
            raise ImproperlyConfigured(
                f"Unknown compression method {compression!r} in the setting result_compression. "
                f"Available methods are: {known}"
            ) from exc
        return compression

    # -- payloads

    def encode(self, data: Any) -> Any:
        """Return `data` as the payload that is stored: text or bytes.

        Raises:
            kombu.exceptions.EncodeError: The serializer does not know how to write it.
        """
        payload = self._encode(data)[2]
        if self.compression is not None:
            return compress_payload(payload, self.compression)
        return payload

    def _encode(self, data: Any) -> tuple[str, str, Any]:
        """Return content type, content encoding and payload of `data`, not compressed."""
        encoded: tuple[str, str, Any] = kombu_serialization.dumps(data, serializer=self.serializer)
        return encoded

    def decode(self, payload: Any) -> Any:
        """Return the data whose payload this is.

        Raises:
            kombu.exceptions.ContentDisallowed: The serializer is not in `accept`.
            kombu.exceptions.DecodeError: The payload is broken.
        """
        return kombu_serialization.loads(
            decompress_payload(payload),
            content_type=self.content_type,
            content_encoding=self.content_encoding,
            accept=self.accept,
        )

    def decode_result(self, payload: Any) -> dict[str, Any]:
        """Return the metadata whose payload this is, its exception being one."""
        return self.meta_from_decoded(self.decode(payload))

    def meta_from_decoded(self, meta: dict[str, Any]) -> dict[str, Any]:
        """Return `meta` with the exception of a failed task made from its description."""
        if meta["status"] in EXCEPTION_STATES:
            meta["result"] = self.exception_to_python(meta["result"])
        return meta

    # -- values

    def encode_result(self, result: Any, state: str) -> Any:
        """Return `result` as plain data, ready to be serialized."""
        if state in EXCEPTION_STATES and isinstance(result, BaseException):
            return self.prepare_exception(result)
        return self.prepare_value(result)

    def prepare_value(self, result: Any) -> Any:
        """Return `result`; the promise of a result as its ids."""
        if isinstance(result, ResultBase):
            return result.as_tuple()
        return result

    def prepare_exception(self, exc: BaseException, serializer: str | None = None) -> Any:
        """Return `exc` in the form results of `serializer` carry it: see wire format."""
        return exception_to_stored(exc, serializer or self.serializer, self.encode)

    def exception_to_python(self, exc: Any) -> BaseException | None:
        """Return the exception that `exc`, read from the store, describes.

        Raises:
            SecurityError: It names something that is not an exception.
            ValueError: It describes nothing.
        """
        return exception_from_stored(exc)

    # -- metadata

    def current_task_children(self, request: Any = None) -> list[Any] | None:
        """Return the ids of what the task of `request`, or the running one, has sent."""
        request = request or getattr(get_current_task(), "request", None)
        if request is None:
            return None
        return [child.as_tuple() for child in getattr(request, "children", None) or ()]

    def _get_result_meta(
        self,
        result: Any,
        state: str,
        traceback: Any,
        request: Any,
        format_date: bool = True,
        encode: bool = False,
    ) -> dict[str, Any]:
        """Return what is stored about a task, in the order of the fields on the wire.

        Args:
            result: As :meth:`encode_result` returned it.
            state: Of the task.
            traceback: Text, or None.
            request: The task's request, or None.
            format_date: ``date_done`` as text rather than a datetime.
            encode: Serialize ``args`` and ``kwargs`` by themselves, for stores with columns.
        """
        date_done: Any = None
        if state in READY_STATES:
            date_done = self.app.now()
            if format_date:
                date_done = date_done.isoformat()
        meta = {
            "status": state,
            "result": result,
            "traceback": traceback,
            "children": self.current_task_children(request),
            "date_done": date_done,
        }
        if request is None:
            return meta
        for key, attribute in (("group_id", "group"), ("parent_id", "parent_id")):
            value = getattr(request, attribute, None)
            if value:
                meta[key] = value
        if self.app.conf.result_extended:
            meta.update(self._describe_request(request, encode))
        return meta

    def _describe_request(self, request: Any, encode: bool) -> dict[str, Any]:
        """Return what ``result_extended`` adds."""
        args, kwargs = getattr(request, "args", None), getattr(request, "kwargs", None)
        delivery = getattr(request, "delivery_info", None) or {}
        extended: dict[str, Any] = {
            "name": getattr(request, "task", None),
            "args": self.encode(args) if encode else args,
            "kwargs": self.encode(kwargs) if encode else kwargs,
            "worker": getattr(request, "hostname", None),
            "retries": getattr(request, "retries", None),
            "queue": delivery.get("routing_key"),
        }
        stamps = getattr(request, "stamps", None)
        if stamps:
            extended["stamped_headers"] = getattr(request, "stamped_headers", None)
            extended.update(stamps)
        return extended
