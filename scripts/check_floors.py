"""Checks that every dependency in src/ points down.

usage: check_floors.py [PROJECT]

docs/architecture.md lists the floors, the top one first, one a line: `name: module module`. A file may use modules of
its own floor and of those below. No files may use each other in a circle. Names that a module passes on by `pub use`
count as those of the file that defines them. Tests are left out.
"""

import itertools
import re
import sys
from pathlib import Path

#: Path expressions that lead to a module of this crate, `crate::a::b::Name` or `child::name`.
PATH = re.compile(r"(?<![\w:])(?:\$?crate|self|super|[a-z_][a-z0-9_]*)(?:::\w+)+")
USE = re.compile(r"\b(pub(?:\([^)]*\))?\s+)?use\s+([^;]+);", re.DOTALL)


def without_noise(text):
    """The code without comments, literals and tests; lines stay where they are."""
    text = re.sub(r"pub\(in [\w:]+\)", "pub(super)", text)
    pattern = r'//[^\n]*|/\*.*?\*/|r(#*)".*?"\1|"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])\''
    text = re.sub(pattern, lambda found: "\n" * found[0].count("\n"), text, flags=re.DOTALL)
    for _ in range(len(re.findall(r"#\[cfg\((?:all\()?test", text))):
        found = re.search(r"#\[cfg\((?:all\()?test[^\n]*\]\s*(?:pub(?:\([^)]*\))? )?[^{;]*[{;]", text)
        if not found:
            break
        end = found.end()
        if text[end - 1] == "{":
            end = closing(text, end)
        text = text[: found.start()] + "\n" * text[found.start() : end].count("\n") + text[end:]
    return text


def closing(text, at):
    """The place behind the brace that closes the one before `at`."""
    depth = 1
    while depth:
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        at += 1
    return at


def leaves(tree, prefix=()):
    """The paths of a use tree, each with the name that it gets here."""
    tree = tree.strip()
    brace = tree.find("{")
    if brace < 0:
        path, _, alias = tree.partition(" as ")
        parts = [*prefix, *(part.strip() for part in path.split("::"))]
        if parts[-1] == "self":
            parts.pop()
        yield tuple(parts), alias.strip() or parts[-1]
        return
    head = [part.strip() for part in tree[:brace].split("::") if part.strip()]
    depth, start = 0, brace + 1
    inside = tree[brace + 1 : tree.rfind("}")] + ","
    for at, sign in enumerate(inside, brace + 1):
        depth += {"{": 1, "}": -1}.get(sign, 0)
        if sign == "," and depth == 0:
            if inside[start - brace - 1 : at - brace - 1].strip():
                yield from leaves(inside[start - brace - 1 : at - brace - 1], (*prefix, *head))
            start = at + 1


class Crate:
    """The modules of src/, by path from the crate's root."""

    def __init__(self, folder):
        self.files, self.code, self.passed_on, self.used = {}, {}, {}, {}
        for file in sorted(folder.rglob("*.rs")):
            parts = file.relative_to(folder).with_suffix("").parts
            if parts == ("main",):
                continue
            module = () if parts == ("lib",) else parts[:-1] if parts[-1] == "mod" else parts
            self.files[module] = file
            self.code[module] = without_noise(file.read_text())
        for module, code in self.code.items():
            self.passed_on[module], self.used[module] = {}, set()
            for public, tree in USE.findall(code):
                for path, name in leaves(tree):
                    path = self.absolute(module, path)
                    if path is None:
                        continue
                    if public:
                        self.passed_on[module][name] = path
                    else:
                        self.used[module].add(path)
            for path in PATH.findall(USE.sub("", code)):
                path = self.absolute(module, tuple(path.lstrip("$").split("::")))
                if path is not None:
                    self.used[module].add(path)

    def absolute(self, module, path):
        """A path from the crate's root; None if it leads out of the crate."""
        first, *rest = path
        if first == "crate":
            return tuple(rest)
        if first == "self":
            return (*module, *rest)
        while first == "super":
            module = module[:-1]
            first, *rest = rest or [""]
            if first != "super":
                return (*module, first, *rest)
        if (*module, first) in self.files:
            return (*module, first, *rest)
        return None

    def definer(self, path, steps=8):
        """The module that defines what a path names."""
        at = max((n for n in range(len(path) + 1) if path[:n] in self.files), default=0)
        module, rest = path[:at], path[at:]
        if rest and steps:
            passed = self.passed_on[module].get(rest[0])
            if passed is not None:
                return self.definer((*passed, *rest[1:]), steps - 1)
        return module

    def edges(self):
        """Which module uses which other, and by what name."""
        found = {}
        for module, paths in self.used.items():
            for path in sorted(paths):
                other = self.definer(path)
                if other != module:
                    found.setdefault((module, other), "::".join(path))
        return found


def floors(text):
    """The floor of each top-level module, 0 at the bottom."""
    block = re.search(r"```floors\n(.*?)```", text, re.DOTALL)
    if not block:
        sys.exit("docs/architecture.md has no block of floors")
    lines = [line for line in block[1].splitlines() if line.strip()]
    found = {}
    for height, line in enumerate(reversed(lines)):
        for module in line.split(":", 1)[1].split():
            found[module] = height
    return found


def circles(edges):
    """The shortest circle through each module that lies on one, each circle once."""
    after = {}
    for first, second in edges:
        after.setdefault(first, []).append(second)
    seen = set()
    for start in sorted(after):
        ways, queue = {start: None}, [start]
        for at in queue:
            for following in after.get(at, []):
                if following == start:
                    circle = [at]
                    while ways[circle[-1]] is not None:
                        circle.append(ways[circle[-1]])
                    circle.reverse()
                    if frozenset(circle) not in seen:
                        seen.add(frozenset(circle))
                        yield circle
                    queue.clear()
                    break
                if following not in ways:
                    ways[following] = at
                    queue.append(following)


def main():
    project = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    crate = Crate(project / "src")
    heights = floors((project / "docs/architecture.md").read_text())
    edges = crate.edges()
    name = lambda module: str(crate.files[module].relative_to(project))
    wrong = []
    for module in crate.files:
        if module and module[0] not in heights:
            wrong.append(f"{name(module)}: the list of floors does not have {module[0]}")
    for (module, other), path in edges.items():
        if module and other and heights.get(other[0], 0) > heights.get(module[0], 0):
            wrong.append(f"{name(module)} uses {path} of {name(other)}, which lies above")
        if module and not other:
            wrong.append(f"{name(module)} uses {path} of {name(other)}, the facade")
    for circle in circles({pair: path for pair, path in edges.items() if all(pair)}):
        ring = [*circle, circle[0]]
        steps = [f"{name(a)} uses {edges[a, b]}" for a, b in itertools.pairwise(ring)]
        wrong.append("a circle: " + "; ".join(steps))
    print("\n".join(sorted(wrong)))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
