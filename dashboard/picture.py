"""The picture of a session: a lane for each network and device, its events, alerts and revocation, and a zoom."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import altair as alt
import pandas as pd  # type: ignore[import-untyped]

from dashboard.instants import at, to_the_millisecond, wall_clock, zone_name
from dashboard.palette import colour
from dashboard.safe import visible
from schemas.api import PictureLane, PictureMark, SessionPicture

PICK = "pick"
"""The selection that Streamlit reports: the mark that was clicked."""

LANES_PX = 280
HIGHEST_LANE_PX, LOWEST_LANE_PX = 112, 48
"""Few lanes share the height; many make the picture grow."""

NAME_SHARE = 0.4
"""What an alert's name takes of the width, at most."""

OVERVIEW_BINS = 140
_MARK_COLUMNS = ["id", "lane", "t", "t2", "clock", "type", "what", "where", "count"]
_CROSS = "M-1,-1L1,1M1,-1L-1,1"
_SHAPES = {"create": "triangle-up", "fail": _CROSS, "destroy": "square", "heartbeat": "circle"}
_COLOURS = {"create": "accent", "fail": "high", "destroy": "ink", "heartbeat": "info"}
_FLAGS = {"critical": "diamond", "high": "triangle-up", "medium": "circle", "low": "square", "info": "circle"}


def picture(shown: SessionPicture, event_id: str | None) -> alt.VConcatChart:
    """Return the chart.

    Args:
        shown: at most 1,500 marks.
        event_id: the event that is looked at; None = none.
    """
    frame = _Frame(shown)
    brush = alt.selection_interval(
        name="zoom",
        encodings=["x"],
        mark=alt.BrushConfig(fill=colour("accent"), fillOpacity=0.14, stroke=colour("accent")),
    )
    parts = alt.vconcat(
        _flags(frame, brush),
        _lanes(frame, brush, event_id),
        _overview(frame, brush),
        spacing=8,
        usermeta={"embedOptions": {"renderer": "svg"}},
    )
    chart: alt.VConcatChart = (
        parts.configure(font="Inter", background="transparent")
        .configure_view(stroke=colour("line"), strokeOpacity=0.9)
        .configure_axis(
            labelColor=colour("sub"),
            gridColor=colour("line"),
            domainColor=colour("line"),
            tickColor=colour("line"),
            labelFontSize=11,
        )
    )
    return chart


def lane_name(lane: PictureLane) -> str:
    """Return a lane's network and device in a few words."""
    asn = f"AS{lane.asn}" if lane.asn is not None else None
    where = " ".join(part for part in (asn, lane.country, lane.network_type) if part)
    network = " · ".join(part for part in (where, lane.network or "no network") if part)
    device = " on ".join(part for part in (lane.agent_family, lane.agent_os) if part) or "unknown agent"
    return visible(f"{network} · {device}", 110)


class _Frame:
    """The picture's rows as tables, with times as the chosen zone's wall clock."""

    def __init__(self, shown: SessionPicture) -> None:
        self.lanes = shown.lanes
        self.names = [str(lane.lane) for lane in shown.lanes]
        self.height = min(HIGHEST_LANE_PX, max(LOWEST_LANE_PX, LANES_PX // max(1, len(shown.lanes))))
        self.marks = pd.DataFrame([_mark(mark, shown) for mark in shown.marks], columns=_MARK_COLUMNS)
        self.spans = pd.DataFrame(
            [{"lane": str(one.lane), "t": wall_clock(one.start), "t2": wall_clock(one.end)} for one in shown.spans],
            columns=["lane", "t", "t2"],
        )
        self.alerts = pd.DataFrame(
            [
                {
                    "t": wall_clock(one.time),
                    "clock": at(one.time),
                    "severity": one.severity.value,
                    "title": visible(one.title, 60),
                    "what": visible(one.summary, 160),
                    "row": "flags",
                }
                # The worst is drawn last, above the others.
                for one in sorted(shown.alerts, key=lambda one: (one.severity.rank, one.time))
            ]
        )
        self.revocations = pd.DataFrame(
            [
                {
                    "t": wall_clock(min(one.times.values())),
                    "t2": wall_clock(max(one.times.values())),
                    "what": f"Revocation: {one.state}",
                    "clock": at(min(one.times.values())),
                    "row": "flags",
                }
                for one in shown.revocations
                if one.times
            ]
        )
        self.start, self.end = self._bounds(shown)

    def _bounds(self, shown: SessionPicture) -> tuple[datetime, datetime]:
        times = [mark.time for mark in shown.marks] + [mark.end for mark in shown.marks]
        times += [one.time for one in shown.alerts]
        times += [moment for one in shown.revocations for moment in one.times.values()]
        first, last = (min(times), max(times)) if times else (shown.since, shown.until)
        room = max((last - first) * 0.03, timedelta(seconds=1))
        return wall_clock(first - room), wall_clock(last + room)

    @property
    def seconds(self) -> float:
        """How much time it shows."""
        return (self.end - self.start).total_seconds()

    @property
    def time_form(self) -> str:
        """How the axis writes time: finer for a short session."""
        if self.seconds < 8:
            return "%H:%M:%S.%L"
        return "%H:%M:%S" if self.seconds < 6 * 3_600 else "%d %b %H:%M"

    @property
    def strange(self) -> set[int]:
        """The lanes that stand out: new for this user, or (where nothing is known of them) not where it began."""
        if any(lane.known for lane in self.lanes):
            return {lane.lane for lane in self.lanes if not lane.known}
        return {lane.lane for lane in self.lanes if lane.lane != 0}

    def time(self, brush: alt.Parameter | None, *, axis: bool) -> alt.X:
        """Return the time axis; with the brush it shows the part that is zoomed into."""
        scale = alt.Scale(type="utc", nice=False) if brush is None else alt.Scale(type="utc", nice=False, domain=brush)
        shown = (
            alt.Axis(
                format=self.time_form,
                tickCount=7,
                grid=brush is not None,
                gridOpacity=0.5,
                labelBound=True,
                labelFlush=True,
            )
            if axis
            else None
        )
        return alt.X("t:T", scale=scale, title=None, axis=shown)

    def ends(self) -> pd.DataFrame:
        """Return the two ends, which keep the whole time in every part."""
        lane = self.names[0] if self.names else "0"
        return pd.DataFrame([{"t": self.start, "lane": lane}, {"t": self.end, "lane": lane}])


def _mark(mark: PictureMark, shown: SessionPicture) -> dict[str, object]:
    many = f"{mark.events} events, {mark.count:,} uses" if mark.events > 1 else ""
    sampled = f"{mark.count:,} uses" if mark.events == 1 and mark.count > 1 else ""
    lane = shown.lanes[mark.lane] if mark.lane < len(shown.lanes) else None
    return {
        "id": mark.event_id,
        "lane": str(mark.lane),
        "t": wall_clock(mark.time),
        "t2": wall_clock(mark.end),
        "clock": to_the_millisecond(mark.time, "%H:%M:%S"),
        "type": mark.type,
        "what": visible(" · ".join(part for part in (mark.reason, many, sampled) if part)) or "—",
        "where": lane_name(lane) if lane else "",
        "count": mark.count,
    }


def _flags(frame: _Frame, brush: alt.Parameter) -> alt.LayerChart:
    time = frame.time(brush, axis=False)
    row = alt.Y("row:N", title=None, axis=None)
    layers = [alt.Chart(frame.ends().assign(row="flags")).mark_point(opacity=0).encode(x=time, y=row)]
    if len(frame.alerts):
        base = alt.Chart(frame.alerts)
        layers.append(
            base.mark_point(filled=True, size=150, clip=True, opacity=1).encode(
                x=time,
                y=row,
                color=_severity_colour(),
                shape=_severity_shape(),
                tooltip=[
                    _tip("clock", _time_title()),
                    _tip("severity", "Severity"),
                    _tip("title", "Alert"),
                    _tip("what", "Why"),
                ],
            )
        )
        side = _room_beside_the_worst(frame)
        if side is not None:
            name = alt.Chart(frame.alerts.iloc[[-1]])
            layers.append(
                name.mark_text(
                    align=side, dx=11 if side == "left" else -11, fontSize=12, color=colour("ink"), clip=True
                ).encode(x=time, y=row, text="title:N")
            )
    if len(frame.revocations):
        layers.append(
            alt.Chart(frame.revocations)
            .mark_text(text="⊘", fontSize=15, fontWeight="bold", color=colour("ink"), clip=True)
            .encode(x=time, y=row, tooltip=[_tip("clock", _time_title()), _tip("what", "Action")])
        )
    layered: alt.LayerChart = (
        alt.layer(*layers)
        .resolve_scale(color="independent", shape="independent")
        .properties(height=28, width="container")
    )
    return layered


def _room_beside_the_worst(frame: _Frame) -> Literal["left", "right"] | None:
    """Return how the worst alert's name is aligned so that it stands clear of the others; None = nowhere."""
    worst = frame.alerts.iloc[-1]["t"]
    others = [*frame.alerts["t"], *(frame.revocations["t"] if len(frame.revocations) else [])]
    share = (worst - frame.start).total_seconds() / frame.seconds
    gaps = [(moment - worst).total_seconds() / frame.seconds for moment in others]
    if share < 1 - NAME_SHARE and not any(0.01 < gap < NAME_SHARE for gap in gaps):
        return "left"
    if share > NAME_SHARE and not any(-NAME_SHARE < gap < -0.01 for gap in gaps):
        return "right"
    return None


def _lanes(frame: _Frame, brush: alt.Parameter, event_id: str | None) -> alt.LayerChart:
    time = frame.time(brush, axis=True)
    lane = alt.Y(
        "lane:N",
        sort=frame.names,
        title=None,
        axis=None,
        scale=alt.Scale(domain=frame.names, paddingInner=0, paddingOuter=0),
    )
    layers: list[alt.Chart] = [alt.Chart(frame.ends()).mark_point(opacity=0).encode(x=time, y=lane)]
    strange = pd.DataFrame({"lane": [str(lane) for lane in sorted(frame.strange)]})
    if len(strange):
        layers.append(alt.Chart(strange).mark_rect(color=colour("high"), opacity=0.08).encode(y=lane))
    layers += _lane_lines(frame, lane)
    if len(frame.spans):
        layers.append(
            alt.Chart(frame.spans)
            .mark_rule(
                strokeWidth=6,
                strokeCap="round",
                opacity=0.22,
                color=colour("info"),
                clip=True,
                yOffset=8,
            )
            .encode(x=time, x2="t2:T", y=lane)
        )
    layers += _rules(frame, time)
    layers += _events(frame, time, lane, event_id)
    layers += _lane_labels(frame, lane)
    layers.append(_targets(frame, time, lane))
    height = frame.height * max(1, len(frame.names))
    layered: alt.LayerChart = (
        alt.layer(*layers)
        .resolve_scale(color="independent", shape="independent", stroke="independent")
        .properties(height=height, width="container")
    )
    return layered


def _lane_lines(frame: _Frame, lane: alt.Y) -> list[alt.Chart]:
    below = pd.DataFrame({"lane": frame.names[1:]})
    if not len(below):
        return []
    return [alt.Chart(below).mark_rule(color=colour("line"), yOffset=-frame.height / 2).encode(y=lane)]


def _lane_labels(frame: _Frame, lane: alt.Y) -> list[alt.Chart]:
    new = "new for this user" if any(one.known for one in frame.lanes) else "not where it began"
    texts = [f"{lane_name(one)} — {new}" if one.lane in frame.strange else lane_name(one) for one in frame.lanes]
    rows = pd.DataFrame({"lane": frame.names, "text": texts})
    place: dict[str, Any] = {"align": "left", "dx": 8, "dy": -frame.height / 2 + 12, "fontSize": 12, "fontWeight": 500}
    encoded = {"x": alt.value(0), "y": lane, "text": "text:N"}
    halo = (
        alt.Chart(rows).mark_text(**place, stroke=colour("page"), strokeWidth=4, strokeOpacity=0.85).encode(**encoded)
    )
    return [halo, alt.Chart(rows).mark_text(**place, color=colour("ink")).encode(**encoded)]


def _rules(frame: _Frame, time: alt.X) -> list[alt.Chart]:
    rules: list[alt.Chart] = []
    if len(frame.alerts):
        rules.append(
            alt.Chart(frame.alerts)
            .mark_rule(strokeDash=[2, 3], clip=True, opacity=0.9)
            .encode(x=time, color=_severity_colour())
        )
    if len(frame.revocations):
        shown = alt.Chart(frame.revocations)
        # From the decision to its proof.
        rules.append(shown.mark_rect(color=colour("ink"), opacity=0.08, clip=True).encode(x=time, x2="t2:T"))
        rules.append(shown.mark_rule(strokeWidth=2, color=colour("ink"), clip=True).encode(x=time))
    return rules


def _events(frame: _Frame, time: alt.X, lane: alt.Y, event_id: str | None) -> list[alt.Chart]:
    if not len(frame.marks):
        return []
    domain = list(_SHAPES)
    colours = [colour(_COLOURS[name]) for name in domain]
    uses = frame.marks[frame.marks["type"] == "validate"]
    others = frame.marks[frame.marks["type"] != "validate"]
    ticks = (
        alt.Chart(uses)
        .mark_tick(thickness=1.5, size=20, clip=True, color=colour("info"), opacity=0.8, yOffset=8)
        .encode(x=time, y=lane)
    )
    points = (
        alt.Chart(others)
        .mark_point(filled=True, size=110, clip=True, strokeWidth=1.8, opacity=1, yOffset=8)
        .encode(
            x=time,
            y=lane,
            shape=alt.Shape("type:N", legend=None, scale=alt.Scale(domain=domain, range=list(_SHAPES.values()))),
            color=alt.Color("type:N", legend=None, scale=alt.Scale(domain=domain, range=colours)),
            stroke=alt.Stroke("type:N", legend=None, scale=alt.Scale(domain=domain, range=colours)),
        )
    )
    looked_at = frame.marks[frame.marks["id"] == event_id]
    ring = (
        alt.Chart(looked_at)
        .mark_point(size=430, filled=False, stroke=colour("accent"), strokeWidth=2, clip=True, opacity=1, yOffset=8)
        .encode(x=time, y=lane)
    )
    return [part for part, rows in ((ticks, uses), (points, others), (ring, looked_at)) if len(rows)]


def _targets(frame: _Frame, time: alt.X, lane: alt.Y) -> alt.Chart:
    """Return what the mouse hits: wider than the marks, and the nearest of them."""
    pick = alt.selection_point(name=PICK, fields=["id"], on="click", clear="dblclick", toggle=False, nearest=True)
    tips = [_tip("clock", _time_title()), _tip("type", "Event"), _tip("what", "Detail"), _tip("where", "From")]
    targets: alt.Chart = (
        alt.Chart(frame.marks)
        .mark_point(filled=True, size=320, opacity=0, clip=True, yOffset=8)
        .encode(x=time, y=lane, tooltip=tips)
        .add_params(pick)
    )
    return targets


def _overview(frame: _Frame, brush: alt.Parameter) -> alt.LayerChart:
    time = frame.time(None, axis=True)
    rows = _binned(frame)
    bars = (
        alt.Chart(rows)
        .mark_rect(color=colour("info"), opacity=0.6)
        .encode(
            x=time,
            x2="t2:T",
            y=alt.Y("share:Q", title=None, axis=None, scale=alt.Scale(domain=[0, 1])),
            y2=alt.datum(0),
        )
        .add_params(brush)
    )
    layers = [alt.Chart(frame.ends()).mark_point(opacity=0).encode(x=time), bars]
    fails = frame.marks[frame.marks["type"] == "fail"] if len(frame.marks) else frame.marks
    if len(fails):
        layers.append(alt.Chart(fails).mark_tick(color=colour("high"), thickness=1.6, size=34).encode(x=time))
    if len(frame.alerts):
        layers.append(
            alt.Chart(frame.alerts)
            .mark_rule(strokeWidth=1.5, strokeDash=[2, 3])
            .encode(x=time, color=_severity_colour())
        )
    if len(frame.revocations):
        layers.append(alt.Chart(frame.revocations).mark_rule(strokeWidth=2, color=colour("ink")).encode(x=time))
    layered: alt.LayerChart = (
        alt.layer(*layers).resolve_scale(color="independent").properties(height=34, width="container")
    )
    return layered


def _binned(frame: _Frame) -> pd.DataFrame:
    width = frame.seconds / OVERVIEW_BINS
    counts = [0.0] * OVERVIEW_BINS
    for when, count in zip(frame.marks["t"], frame.marks["count"], strict=True) if len(frame.marks) else ():
        counts[min(OVERVIEW_BINS - 1, int((when - frame.start).total_seconds() / width))] += count
    top = max(counts) or 1.0
    # A share of the fullest bin, by its square root: a burst does not make the rest invisible.
    return pd.DataFrame(
        [
            {
                "t": frame.start + timedelta(seconds=place * width),
                "t2": frame.start + timedelta(seconds=(place + 0.85) * width),
                "share": (count / top) ** 0.5,
            }
            for place, count in enumerate(counts)
        ]
    )


def _severity_colour() -> alt.Color:
    return alt.Color(
        "severity:N", legend=None, scale=alt.Scale(domain=list(_FLAGS), range=[colour(name) for name in _FLAGS])
    )


def _severity_shape() -> alt.Shape:
    return alt.Shape("severity:N", legend=None, scale=alt.Scale(domain=list(_FLAGS), range=list(_FLAGS.values())))


def _tip(field: str, title: str) -> alt.Tooltip:
    return alt.Tooltip(f"{field}:N", title=title)


def _time_title() -> str:
    return f"Time ({zone_name()})"


def described(shown: SessionPicture) -> str:
    """Return the picture in words, for those who do not see it."""
    strange = sum(not lane.known for lane in shown.lanes)
    parts: Sequence[str] = (
        f"{shown.events:,} events on {len(shown.lanes)} networks and devices, {strange} of them new for this user",
        f"{len(shown.alerts)} alerts",
        "; ".join(f"revocation {one.state}" for one in shown.revocations) or "no revocation",
    )
    return ", ".join(parts) + ". The table below lists the events."
