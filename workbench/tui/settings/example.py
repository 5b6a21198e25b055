"""A settings file with every setting at its default, each line commented out."""

from workbench.tui.keys.tables import all_tables
from workbench.tui.look.themes import DARK, THEMES
from workbench.tui.settings.keys import spelled
from workbench.tui.settings.read import CHOICES

_HEAD = """\
# Settings of the terminal app, workbench inspect. Every line below is a default: take away its "#" and change it.
# workbench settings --check says whether the file is understood.

# "auto" is "sixteen" in a terminal of 16 colours, else "dark". Without this line the app begins with the
# theme that it was left with.
# theme = "auto"  # {themes}, auto, or one of your own
"""

_IMAGES = """
# Images of samples. "auto": by the terminal itself where it is known to draw images, else in half cells.
# images = "auto"  # {choices}
"""

_OWN = """
# A theme of your own: the colours that differ from those of its base, as #rrggbb.
# [themes.mine]
# base = "dark"
"""

_KEYS = """
# Keys: NAME = "x", or NAME = ["x", "ctrl+x", "pagedown", "?"]. They replace the default ones.
# Two names of one scope cannot have the same key.
"""


def example() -> str:
    """The file."""
    lines = [_HEAD.format(themes=", ".join(THEMES)), _IMAGES.format(choices=", ".join(CHOICES)), _OWN]
    lines += [f'# {name} = "{colour}"\n' for name, colour in DARK.colours.items()]
    lines.append(
        "# scale = [" + ", ".join(f'"{colour}"' for _, colour in DARK.scale) + "]  # the heat map, evenly spaced\n"
    )
    lines.append(_KEYS)
    for table in all_tables():
        lines.append(f"\n# [keys.{table.scope}]\n")
        for key in table.rows:
            names = ", ".join(_quoted(spelled(name)) for name in key.keys)
            lines.append(f"# {key.name} = {names if len(key.keys) == 1 else f'[{names}]'}  # {key.help}\n")
    return "".join(lines)


def _quoted(text: str) -> str:
    return f"'{text}'" if text in ('"', "\\") else f'"{text}"'
