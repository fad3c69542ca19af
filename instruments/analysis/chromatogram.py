"""Gas chromatogram -> purity: baseline, peaks, areas, internal standard."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation, uniform_filter1d
from scipy.signal import find_peaks

from instruments.analysis.reading import measurement
from instruments.analysis.signal import CorruptSignal, FloatArray, Signal
from knowledge.records.measurement import Artifact, Measurement

ANALYSIS = "gc_internal_standard/1"
_BLOCK = 80
_DETECTION = 6.0  # a peak stands this many noise deviations above the baseline
_SATURATION_PA = 49999.0


class Peak(NamedTuple):
    """`area` in pA s, `std` its standard uncertainty; `shared` when it does not come down to the baseline on both
    sides.
    """

    time_s: float
    height: float
    area: float
    std: float
    shared: bool


def noise_level(current: FloatArray) -> float:
    """Standard deviation of the detector's noise, robust against peaks."""
    return float(1.4826 * np.median(np.abs(np.diff(current))) / math.sqrt(2.0)) or 1e-9


def baseline(current: FloatArray, noise: float) -> FloatArray:
    """Block medians of what is no peak, joined by lines; three rounds of masking."""
    count = current.size
    index = np.arange(count)
    base: FloatArray = np.full(count, float(np.percentile(current, 20)))
    mask: npt.NDArray[np.bool_] = np.zeros(count, dtype=bool)
    for _ in range(4):
        centres, levels = [], []
        for start in range(0, count, _BLOCK):
            free = ~mask[start : start + _BLOCK]
            if free.sum() >= 12:
                block = current[start : start + _BLOCK][free]
                # The lower half is what a rising peak has not lifted yet.
                centres.append(float(index[start : start + _BLOCK][free].mean()))
                levels.append(float(np.median(block)) if mask.any() else float(np.percentile(block, 30)))
        if not centres:
            raise CorruptSignal("chromatogram: no baseline can be found")
        base = np.interp(index, centres, levels)
        mask = binary_dilation(np.asarray(uniform_filter1d(current - base, 5) > 2.5 * noise), iterations=8)
    return base


def peaks(time: FloatArray, current: FloatArray) -> list[Peak]:
    """All peaks in order of time. Each is integrated from valley to valley or down to the noise."""
    noise = noise_level(current)
    signal = current - baseline(current, noise)
    smooth = uniform_filter1d(signal, 3)
    tops, _ = find_peaks(smooth, height=_DETECTION * noise, prominence=_DETECTION * noise)
    step = float(time[1] - time[0])
    found = []
    for rank, top in enumerate(tops):
        left_limit = int(tops[rank - 1]) if rank > 0 else 0
        right_limit = int(tops[rank + 1]) if rank + 1 < tops.size else signal.size - 1
        floor = noise
        left, right = int(top), int(top)
        while left > left_limit and smooth[left - 1] > floor and not _valley(smooth, left, left_limit, top, -1):
            left -= 1
        while right < right_limit and smooth[right + 1] > floor and not _valley(smooth, right, right_limit, top, 1):
            right += 1
        shared = bool(max(smooth[left], smooth[right]) > max(0.01 * smooth[top], 4.0 * noise))
        width = right - left + 1
        area = float(signal[left : right + 1].sum()) * step
        # Noise of the points, and of the baseline under them.
        std = noise * step * math.sqrt(width + width**2 / _BLOCK)
        found.append(Peak(float(time[top]), float(smooth[top]), area, std, shared))
    return found


def _valley(smooth: FloatArray, at: int, limit: int, top: int, direction: int) -> bool:
    """Whether the lowest point between this peak and the next has been reached."""
    if limit in (0, smooth.size - 1):
        return False
    low, high = (limit, top) if direction < 0 else (top, limit)
    return at == low + int(np.argmin(smooth[low : high + 1]))


def analyse_chromatogram(artifact: Artifact, signal: Signal) -> list[Measurement]:
    """Purity (mass fraction of the target) by internal standard."""
    time, current = signal.array("time_s"), signal.array("current_pa")
    if time.shape != current.shape or time.size < 200 or np.any(np.diff(time) <= 0.0):
        raise CorruptSignal("chromatogram: times and currents do not fit together")
    found = _eluted(signal)
    target = _strongest(found, _window(signal, "target_window_s"))
    standard = _strongest(found, _window(signal, "standard_window_s"))
    flags = []
    weighing = signal.number("weighing_relative")
    if target is None:
        if _window(signal, "target_window_s")[1] > time[-1] - 5.0:
            flags.append("the target does not elute within the run")
        else:
            flags.append("no peak where the target is expected")
        return [measurement(artifact, signal, "purity", 0.0, 0.01, ANALYSIS, flags)]
    if float(current[time > signal.number("solvent_front_s") + 8.0].max()) >= _SATURATION_PA:
        flags.append("the detector is saturated")
    if target.shared:
        flags.append("the target's peak overlaps with a neighbour")
    if standard is None:
        flags.append("no internal standard: area per cent instead")
        share = target.area / sum(peak.area for peak in found)
        return [measurement(artifact, signal, "purity", share, 0.05, ANALYSIS, flags)]
    if standard.shared:
        flags.append("the standard's peak overlaps with a neighbour")
    amount = target.area / signal.number("target_response")
    reference = standard.area / signal.number("standard_response")
    purity = amount / reference * signal.number("standard_ug") / signal.number("sample_ug")
    relative = math.sqrt(
        2.0 * weighing**2 + (target.std / target.area) ** 2 + (standard.std / standard.area) ** 2 + 0.002**2
    )
    return [measurement(artifact, signal, "purity", purity, purity * relative, ANALYSIS, flags)]


def foreign_before(signal: Signal) -> float | None:
    """Of the area of all peaks but the target's and the standard's, the share that elutes before the target, 0 to 1.

    On a column that parts by boiling point what comes early is small, such as starting material. None where nothing
    foreign is seen. Raises CorruptSignal.
    """
    own = [_window(signal, name) for name in ("target_window_s", "standard_window_s")]
    found = [p for p in _eluted(signal) if not any(low <= p.time_s <= high for low, high in own)]
    total = sum(peak.area for peak in found)
    if total <= 0.0:
        return None
    return sum(peak.area for peak in found if peak.time_s < own[0][0]) / total


def _eluted(signal: Signal) -> list[Peak]:
    """The peaks behind the solvent's."""
    front = signal.number("solvent_front_s") + 8.0
    return [p for p in peaks(signal.array("time_s"), signal.array("current_pa")) if p.time_s > front]


def _window(signal: Signal, name: str) -> tuple[float, float]:
    value = signal.metadata.get(name)
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(v, int | float) for v in value):
        raise CorruptSignal(f"chromatogram: header entry '{name}' is not a pair of times")
    return float(value[0]), float(value[1])


def _strongest(found: list[Peak], window: tuple[float, float]) -> Peak | None:
    inside = [peak for peak in found if window[0] <= peak.time_s <= window[1]]
    return max(inside, key=lambda peak: peak.area) if inside else None
