"""How the two kinds of overfitting are called and coloured. Colour never stands alone."""

from workbench.onset import Onset

KIND_WORDS = {"catastrophic": "catastrophic overfitting (CO)", "robust": "robust overfitting (RO)"}
KIND_SHORT = {"catastrophic": "CO", "robust": "RO"}
KIND_STYLES = {"catastrophic": "bold red", "robust": "bold yellow"}


def where(onset: Onset) -> str:
    """A flag in a few words: its kind, its epoch, and that a rollback undid it."""
    back = "" if onset.rolled_back is None else ", rolled back"
    return f"{KIND_SHORT[onset.kind]} at {onset.epoch}{back}"


def sentence(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def epochs(num: int) -> str:
    """A number of epochs."""
    return f"{num} epoch{'' if num == 1 else 's'}"
