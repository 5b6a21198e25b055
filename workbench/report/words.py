"""How the two kinds of overfitting are called and coloured. Colour never stands alone."""

KIND_WORDS = {"catastrophic": "catastrophic overfitting (CO)", "robust": "robust overfitting (RO)"}
KIND_SHORT = {"catastrophic": "CO", "robust": "RO"}
KIND_STYLES = {"catastrophic": "bold red", "robust": "bold yellow"}


def sentence(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def epochs(num: int) -> str:
    """A number of epochs."""
    return f"{num} epoch{'' if num == 1 else 's'}"
