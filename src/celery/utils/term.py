"""Colours in the terminal."""

import base64
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

__all__ = ("colored",)

IS_WINDOWS: Final = sys.platform == "win32"

BLACK, RED, GREEN, YELLOW, BLUE, MAGENTA, CYAN, WHITE = range(8)

OP_SEQ: Final = "\033[%dm"
RESET_SEQ: Final = "\033[0m"
COLOR_SEQ: Final = "\033[1;%dm"

#: Offsets that make a colour that of the letters, or of the background.
_LETTERS: Final = 30
_GROUND: Final = 40


def fg(s: int) -> str:
    """Return the sequence that turns a colour on."""
    return COLOR_SEQ % s


class colored:
    """Text with colours, made by calling the name of a colour.

    >>> c = colored(enabled=True)
    >>> print(c.red("stop ", c.bold("now")))  # doctest: +SKIP

    Args:
        *s: The parts; some may be coloured themselves.
        enabled: ``False`` makes plain text; by default there are colours, but not on Windows.
        op: Sequence that turns the colour on.
    """

    def __init__(self, *s: object, **kwargs: Any) -> None:
        self.s = s
        self.enabled: bool = not IS_WINDOWS and kwargs.get("enabled", True)
        self.op: str = kwargs.get("op", "")
        #: Name of a colour -> the method that colours.
        self.names: dict[str, Callable[..., colored]] = {
            "black": self.black,
            "red": self.red,
            "green": self.green,
            "yellow": self.yellow,
            "blue": self.blue,
            "magenta": self.magenta,
            "cyan": self.cyan,
            "white": self.white,
        }

    def __str__(self) -> str:
        """Return the text; coloured, it ends in the sequence that turns all colours off."""
        if not self.enabled:
            return self.no_color()
        text = self.embed()
        return f"{text}{RESET_SEQ}" if text else ""

    def __repr__(self) -> str:
        return repr(self.no_color())

    def __add__(self, other: object) -> str:
        return f"{self}{other}"

    def embed(self) -> str:
        """Return the coloured text for use inside other text: colours stay on at its end."""
        return self.op + "".join(str(part) for part in self.s)

    def no_color(self) -> str:
        """Return the text without its colours."""
        return "".join(
            part.no_color() if isinstance(part, colored) else str(part) for part in self.s
        )

    def node(self, s: tuple[object, ...], op: str) -> "colored":
        """Return the parts `s`, the sequence `op` before them."""
        return type(self)(*s, enabled=self.enabled, op=op)

    def reset(self, *s: object) -> "colored":
        """Return text without colour."""
        return self.node(s or ("",), RESET_SEQ)

    def bold(self, *s: object) -> "colored":
        """Return bold text."""
        return self.node(s, OP_SEQ % 1)

    def underline(self, *s: object) -> "colored":
        """Return underlined text."""
        return self.node(s, OP_SEQ % 4)

    def blink(self, *s: object) -> "colored":
        """Return blinking text."""
        return self.node(s, OP_SEQ % 5)

    def reverse(self, *s: object) -> "colored":
        """Return text with the colours of letters and ground exchanged."""
        return self.node(s, OP_SEQ % 7)

    def bright(self, *s: object) -> "colored":
        """Return text in sequence 8, whatever the terminal makes of it."""
        return self.node(s, OP_SEQ % 8)

    def black(self, *s: object) -> "colored":
        """Return black text."""
        return self.node(s, fg(_LETTERS + BLACK))

    def red(self, *s: object) -> "colored":
        """Return red text."""
        return self.node(s, fg(_LETTERS + RED))

    def green(self, *s: object) -> "colored":
        """Return green text."""
        return self.node(s, fg(_LETTERS + GREEN))

    def yellow(self, *s: object) -> "colored":
        """Return yellow text."""
        return self.node(s, fg(_LETTERS + YELLOW))

    def blue(self, *s: object) -> "colored":
        """Return blue text."""
        return self.node(s, fg(_LETTERS + BLUE))

    def magenta(self, *s: object) -> "colored":
        """Return magenta text."""
        return self.node(s, fg(_LETTERS + MAGENTA))

    def cyan(self, *s: object) -> "colored":
        """Return cyan text."""
        return self.node(s, fg(_LETTERS + CYAN))

    def white(self, *s: object) -> "colored":
        """Return white text."""
        return self.node(s, fg(_LETTERS + WHITE))

    def ired(self, *s: object) -> "colored":
        """Return text on red ground."""
        return self.node(s, fg(_GROUND + RED))

    def igreen(self, *s: object) -> "colored":
        """Return text on green ground."""
        return self.node(s, fg(_GROUND + GREEN))

    def iyellow(self, *s: object) -> "colored":
        """Return text on yellow ground."""
        return self.node(s, fg(_GROUND + YELLOW))

    def iblue(self, *s: object) -> "colored":
        """Return text on blue ground."""
        return self.node(s, fg(_GROUND + BLUE))

    def imagenta(self, *s: object) -> "colored":
        """Return text on magenta ground."""
        return self.node(s, fg(_GROUND + MAGENTA))

    def icyan(self, *s: object) -> "colored":
        """Return text on cyan ground."""
        return self.node(s, fg(_GROUND + CYAN))

    def iwhite(self, *s: object) -> "colored":
        """Return text on white ground."""
        return self.node(s, fg(_GROUND + WHITE))


def supports_images() -> bool:
    """Say whether the terminal shows pictures: iTerm does."""
    return bool(sys.stdin and sys.stdin.isatty() and os.environ.get("ITERM_PROFILE"))


def imgcat(path: str, inline: int = 1, preserve_aspect_ratio: int = 0, **kwargs: Any) -> str:
    """Return the sequence that shows a picture in iTerm.

    Args:
        path: File with the picture.
        inline: Show it, rather than download it.
        preserve_aspect_ratio: Do not distort it.
        **kwargs: Further fields of the sequence, such as `width`.
    """
    fields = {"inline": inline, "preserveAspectRatio": preserve_aspect_ratio, **kwargs}
    options = ";".join(f"{name}={value}" for name, value in fields.items())
    content = base64.b64encode(Path(path).read_bytes()).decode()
    return f"\033]1337;File={options}:{content}\a"
