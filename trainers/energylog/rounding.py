"""Bit rounding: energies with fewer bits of mantissa, so that the file's compression has less noise to keep."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from trainers.energylog.tables import SampleTable
from trainers.spec import MANTISSA_BITS


def round_bits(values: NDArray[np.float32], keep_bits: int) -> NDArray[np.float32]:
    """Round to the nearest number whose mantissa ends after ``keep_bits`` bits, ties to the even one.

    The type stays float32; what is cut off is zero. (Klöwer et al. 2021, "Compressing atmospheric data into its real
    information content", Nature Computational Science 1, 713-724, "round-to-nearest".)

    Args:
        values: Any shape. NaN, infinite values, and numbers that would become infinite stay as they are.
        keep_bits: From 1 to MANTISSA_BITS, which keeps all.

    Returns:
        The rounded values; of normal numbers the relative error is at most 2 ** -(keep_bits + 1).
    """
    assert 1 <= keep_bits <= MANTISSA_BITS, keep_bits
    cut = MANTISSA_BITS - keep_bits
    if cut == 0:
        return values
    bits = np.ascontiguousarray(values).view(np.uint32)
    last_kept = (bits >> np.uint32(cut)) & np.uint32(1)
    half = np.uint32((1 << (cut - 1)) - 1)
    rounded = (bits + (last_kept + half)) & np.uint32(0xFFFFFFFF << cut & 0xFFFFFFFF)
    result: NDArray[np.float32] = rounded.view(np.float32)
    return np.where(np.isfinite(values) & np.isfinite(result), result, values)


def round_table(table: SampleTable, keep_bits: int) -> SampleTable:
    """The table with rounded energies; itself where all bits are kept."""
    if keep_bits == MANTISSA_BITS:
        return table
    return replace(
        table,
        energy=round_bits(table.energy, keep_bits),
        energy_adv=round_bits(table.energy_adv, keep_bits),
        joint_energy=round_bits(table.joint_energy, keep_bits),
        joint_energy_adv=round_bits(table.joint_energy_adv, keep_bits),
    )
