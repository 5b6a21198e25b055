"""Copies of a run's log in formats that other programs read: CSV, Parquet, JSON and TensorBoard event files."""

from workbench.export.formats import FORMATS, Format
from workbench.export.names import folder_names
from workbench.export.run import export_to_file, export_to_folder, export_to_stream
from workbench.export.source import Selection
from workbench.export.tables import SAMPLED, TABLES, Table

__all__ = [
    "FORMATS",
    "SAMPLED",
    "TABLES",
    "Format",
    "Selection",
    "Table",
    "export_to_file",
    "export_to_folder",
    "export_to_stream",
    "folder_names",
]
