"""Print the licences of the crates that are compiled into the wasm modules.

usage: third_party_licences.py PROJECT
"""

import json
import re
import subprocess
import sys
from pathlib import Path

TARGET = "wasm32-unknown-unknown"
LICENCE_FILE = re.compile(r"(licen[cs]e|copying|notice|unlicense)", re.IGNORECASE)
# The standard library is no crate of the lock file.
STANDARD_LIBRARY = "std (Rust), MIT OR Apache-2.0, copyright the Rust Project Developers"


def compiled_in(metadata):
    """Packages that the root reaches through ordinary dependencies; macros run in the compiler alone."""
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = metadata["resolve"]["root"]
    found, waiting = set(), [root]
    while waiting:
        for dependency in nodes[waiting.pop()]["deps"]:
            name = dependency["pkg"]
            is_linked = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            is_macro = any("proc-macro" in target["kind"] for target in packages[name]["targets"])
            if is_linked and not is_macro and name not in found:
                found.add(name)
                waiting.append(name)
    return sorted((packages[name] for name in found), key=lambda package: (package["name"], package["version"]))


def licence_texts(package):
    folder = Path(package["manifest_path"]).parent
    for file in sorted(folder.iterdir()):
        if file.is_file() and LICENCE_FILE.match(file.name):
            yield file.read_text(encoding="utf-8", errors="replace").strip()


def main():
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--no-default-features"]
    command += ["--filter-platform", TARGET, "--manifest-path", f"{sys.argv[1]}/Cargo.toml"]
    packages = compiled_in(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))
    # Most bear the same words; those are printed once, under the names of all.
    bearers = {}
    print("The wasm modules contain these works:\n")
    print(STANDARD_LIBRARY)
    for package in packages:
        name = f"{package['name']} {package['version']}"
        print(f"{name}, {package['license']}, {package['repository'] or package['name']}")
        for text in licence_texts(package):
            bearers.setdefault(" ".join(text.split()), (text, []))[1].append(name)
    for text, names in bearers.values():
        print(f"\n{'=' * 78}\n{', '.join(names)}:\n\n{text}")


if __name__ == "__main__":
    main()
