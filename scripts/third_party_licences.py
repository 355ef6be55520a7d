"""Write LICENSE-THIRD-PARTY: what the built site, the npm package and the command line contain, and on what terms.

The file is kept in the repository, so that a build needs neither Python nor a network. Run this after a change of
Cargo.lock or of the default model's card.

usage: third_party_licences.py [--check]     (--check: only tell whether the file is up to date)
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "LICENSE-THIRD-PARTY"
WEB = ["wasm32-unknown-unknown"]
NATIVE = ["x86_64-unknown-linux-gnu", "aarch64-apple-darwin", "x86_64-pc-windows-msvc"]
LICENCE_FILE = re.compile(r"(licen[cs]e|copying|notice|unlicense)", re.IGNORECASE)
# The standard library is no crate of the lock file.
STANDARD_LIBRARY = "std (Rust), MIT OR Apache-2.0, https://github.com/rust-lang/rust"


def metadata(target, *features):
    command = ["cargo", "metadata", "--locked", "--format-version", "1", *features, "--filter-platform", target]
    command += ["--manifest-path", str(ROOT / "Cargo.toml")]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def compiled_in(resolved):
    """Packages that the root reaches through ordinary dependencies; macros run in the compiler alone."""
    packages = {package["id"]: package for package in resolved["packages"]}
    nodes = {node["id"]: node for node in resolved["resolve"]["nodes"]}
    root = resolved["resolve"]["root"]
    found, waiting = {}, [root]
    while waiting:
        for dependency in nodes[waiting.pop()]["deps"]:
            package = packages[dependency["pkg"]]
            is_linked = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            is_macro = any("proc-macro" in target["kind"] for target in package["targets"])
            if is_linked and not is_macro and package["id"] not in found:
                found[package["id"]] = package
                waiting.append(package["id"])
    return found


def licence_texts(package):
    folder = Path(package["manifest_path"]).parent
    for file in sorted(folder.iterdir()):
        if file.is_file() and LICENCE_FILE.match(file.name):
            text = file.read_text(encoding="utf-8", errors="replace")
            yield "\n".join(line.rstrip() for line in text.strip().splitlines())


def named(package):
    return f"{package['name']} {package['version']}"


def entry(package):
    return f"{named(package)}, {package['license']}, {package['repository'] or package['name']}"


def document():
    web, native = {}, {}
    for target in WEB:
        web |= compiled_in(metadata(target, "--no-default-features"))
    for target in NATIVE:
        native |= compiled_in(metadata(target))
    licence = json.loads((ROOT / "models/default/card.json").read_text())["licence"]
    yield "Licences of bodymap and of what it contains"
    yield "\nbodymap, MIT OR Apache-2.0\n"
    yield f"The weights of the default model, {licence['name']}, {licence['url']}"
    yield licence["attribution"]

    packages = sorted((web | native).values(), key=lambda package: (package["name"], package["version"]))
    where = {
        "In the WebAssembly modules and in the command line": lambda name: name in web and name in native,
        "In the WebAssembly modules alone": lambda name: name not in native,
        "In the command line alone, some of them on one system only": lambda name: name not in web,
    }
    for place, belongs in where.items():
        yield f"\n{place}:\n"
        if place == next(iter(where)):
            yield STANDARD_LIBRARY
        for package in packages:
            if belongs(package["id"]):
                yield entry(package)

    # Most bear the same words; those are printed once, under the names of all.
    bearers = {}
    own = [(text.read_text().strip(), "bodymap") for text in sorted(ROOT.glob("LICENSE-[AM]*"))]
    for text, name in own + [(text, named(package)) for package in packages for text in licence_texts(package)]:
        bearers.setdefault(" ".join(text.split()), (text, []))[1].append(name)
    for text, names in bearers.values():
        yield f"\n{'=' * 78}\n{', '.join(names)}:\n\n{text}"


def main():
    text = "\n".join(document()) + "\n"
    if sys.argv[1:] != ["--check"]:
        FILE.write_text(text)
    elif text != FILE.read_text():
        sys.exit(f"error: {FILE.name} is not up to date; run scripts/third_party_licences.py")


if __name__ == "__main__":
    main()
