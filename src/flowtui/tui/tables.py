"""Which tables there are whose columns a person may choose."""

from __future__ import annotations

from collections.abc import Mapping

from flowtui.tui.widgets.columns import titles_of
from flowtui.tui.widgets.file_panes import FilesPane
from flowtui.tui.widgets.graph_pane import GraphPane
from flowtui.tui.widgets.letter_panes import GroupsPane, LettersPane
from flowtui.tui.widgets.panes import LoopsPane, NodesPane, QueuesPane, TroublePane

_TABLES = (LoopsPane, NodesPane, QueuesPane, TroublePane, GraphPane, FilesPane, GroupsPane, LettersPane)


def column_titles() -> Mapping[str, tuple[str, ...]]:
    """Return by the name of each table the titles of its columns, from left to right."""
    return {table.table: titles_of(table.columns) for table in _TABLES}
