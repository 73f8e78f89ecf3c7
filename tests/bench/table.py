"""How figures are taken (in turn, by median) and printed (a line a goal)."""

import gc
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

Timed = Callable[[], float]

WARM = 10


def in_turn(ours: Timed, reference: Timed, rounds: int) -> tuple[float, float]:
    """The medians of two things that return their seconds, done by turns after a warm-up."""
    for _ in range(min(WARM, rounds)):
        ours()
        reference()
    gc.collect()
    gc.disable()  # of this process only; the server's collector runs as it does in service
    pairs = [(ours(), reference()) for _ in range(rounds)]
    gc.enable()
    return median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"


@dataclass(frozen=True, slots=True)
class Goal:
    """One line: what was measured, and whether it is within the limit."""

    number: str
    what: str
    ours: str
    reference: str
    ratio: float | None
    goal: str
    ok: bool


@dataclass(frozen=True, slots=True)
class Compared:
    """One line beside the peer: our work over a hello-world view, and the peer's figures of comparable work."""

    what: str
    ours: float
    hello: float
    queries: int | None
    peer: str


@dataclass
class Report:
    goals: list[Goal] = field(default_factory=list)
    compared: list[Compared] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def ratio(self, number: str, what: str, ours: float, reference: float, limit: float, unit: str = "ms") -> None:
        """Add a goal of the kind "ours at most `limit` times the reference"; both in seconds, or in MB."""
        shown = ms if unit == "ms" else lambda figure: f"{figure:.1f} {unit}"
        found = ours / reference
        self.add(Goal(number, what, shown(ours), shown(reference), found, f"<= {limit:g} x", found <= limit))

    def count(self, number: str, what: str, found: int, limit: int) -> None:
        self.add(Goal(number, what, str(found), "", None, f"<= {limit}", found <= limit))

    def holds(self, number: str, what: str, found: str, goal: str, ok: bool) -> None:
        self.add(Goal(number, what, found, "", None, goal, ok))

    def add(self, goal: Goal) -> None:
        self.goals.append(goal)
        print(f"  {goal.number} {goal.what}: {goal.ours} {'ok' if goal.ok else 'MISS'}", flush=True)

    def print(self) -> None:
        print()
        lines = [("goal", "what", "ours", "reference", "ratio", "limit", "")]
        for goal in self.goals:
            found = "" if goal.ratio is None else f"{goal.ratio:.2f}"
            verdict = "ok" if goal.ok else "MISS"
            lines.append((goal.number, goal.what, goal.ours, goal.reference, found, goal.goal, verdict))
        print_columns(lines, right={2, 3, 4})
        if self.compared:
            print("\nOver a hello-world view of the same server, beside the strongest open peer's figures")
            print("(the peer: SQLite, its own machine and hello-world; PERFORMANCE figures, not measured here)\n")
            lines = [("what", "ours", "hello", "ratio", "queries", "peer")]
            for line in self.compared:
                queries = "" if line.queries is None else str(line.queries)
                ratio = f"{line.ours / line.hello:.1f}"
                lines.append((line.what, ms(line.ours), ms(line.hello), ratio, queries, line.peer))
            print_columns(lines, right={1, 2, 3, 4})
        for note in self.notes:
            print(f"\n{note}")
        missed = sum(not goal.ok for goal in self.goals)
        print(f"\n{len(self.goals)} lines, {missed} missed.")


def print_columns(lines: list[tuple[str, ...]], right: set[int]) -> None:
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    for number, line in enumerate(lines):
        cells = [
            text.rjust(width) if place in right else text.ljust(width)
            for place, (text, width) in enumerate(zip(line, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))
