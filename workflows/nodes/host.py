"""Figures of the machine that flowtui runs on."""

from __future__ import annotations

import time
from typing import Annotated, Any

import psutil
from pydantic import Field

from flowtui import BlockingNode, NodeConfig, NodeData, Pool, Unit

_SHORTEST_SPAN_S = 0.5


class HostMetrics(BlockingNode):
    """Measure CPU, memory, disk and the busiest processes of this machine, in percent."""

    pool = Pool.THREAD

    class Config(NodeConfig):
        disk: str = Field(default="/", description="Any path on the disk to look at.")
        top: Annotated[int, Unit("processes")] = Field(
            default=3, ge=0, description="How many processes to list, the busiest first."
        )

    def setup(self) -> None:
        self._before = psutil.cpu_times()
        self._measured_at = time.monotonic()
        self._busiest(0)

    def execute(self, data: NodeData) -> NodeData:
        return data | {
            "cpu": self._cpu(),
            "memory": psutil.virtual_memory().percent,
            "disk": psutil.disk_usage(self.config.disk).percent,
            "load": round(psutil.getloadavg()[0], 2),
            "top": self._busiest(self.config.top),
        }

    def _cpu(self) -> float:
        # psutil.cpu_percent() compares with the last call from the same thread, and threads change here.
        too_early = self._measured_at + _SHORTEST_SPAN_S - time.monotonic()
        if too_early > 0:
            time.sleep(too_early)
        before, now = self._before, psutil.cpu_times()
        self._before, self._measured_at = now, time.monotonic()
        passed = sum(now) - sum(before)
        idle = now.idle - before.idle + getattr(now, "iowait", 0.0) - getattr(before, "iowait", 0.0)
        return round(min(max(100.0 * (1 - idle / passed), 0.0), 100.0), 1) if passed > 0 else 0.0

    def _busiest(self, count: int) -> list[dict[str, Any]]:
        """Return the processes that used most CPU since the last call; 100 is one whole core."""
        wanted = ["pid", "name", "cpu_percent", "memory_percent"]
        processes = [process.info for process in psutil.process_iter(wanted, ad_value=0.0)]
        processes.sort(key=lambda info: (info["cpu_percent"], info["memory_percent"]), reverse=True)
        return [
            {
                "pid": info["pid"],
                "name": str(info["name"]),
                "cpu": round(info["cpu_percent"], 1),
                "memory": round(info["memory_percent"], 1),
            }
            for info in processes[:count]
        ]
