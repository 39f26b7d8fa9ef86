"""Does an application use RabbitMQ's quorum queues?"""

from typing import Any

__all__ = ("detect_quorum_queues",)


def detect_quorum_queues(app: Any, driver_type: str) -> tuple[bool, str]:
    """Say whether any queue of the application is a quorum queue, and the name of the first.

    Args:
        app: The application; the queues it consumes from are looked at.
        driver_type: Kind of its broker; only ``"amqp"`` has such queues.
    """
    if driver_type != "amqp":
        return False, ""
    for queue in app.amqp.queues.values():
        if (queue.queue_arguments or {}).get("x-queue-type") == "quorum":
            return True, queue.name
    return False, ""
