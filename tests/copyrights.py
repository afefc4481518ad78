"""debian/copyright, read as its format says (https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/).

As a program, with a folder that the package was unpacked in: what is carried there is in the file, one by one.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OURS = "*"

# How the licences that SBOMs name (SPDX) are called in the file, the first being what we take where there is a choice.
NAMES = {
    "MIT": "Expat",
    "Unicode-3.0": "Unicode-3.0",
    "MPL-2.0": "MPL-2.0",
    "Apache-2.0 WITH LLVM-exception": "Apache-2.0 with LLVM exception",
}


@dataclass
class Paragraph:
    """Files of one licence."""

    patterns: list[str]
    licence: str
    copyright: str
    comment: str


def fields(paragraph: str) -> dict[str, str]:
    """The fields of a paragraph of a control file."""
    found = re.findall(r"(?m)^([A-Za-z-]+):((?:.*)(?:\n[ \t].*)*)", paragraph)
    return {name: value.strip() for name, value in found}


class Copyright:
    """The file."""

    def __init__(self, text: str) -> None:
        every = [fields(paragraph) for paragraph in re.split(r"\n\s*\n", text)]
        self.paragraphs = [
            Paragraph(
                one["Files"].split(),
                one["License"].split("\n")[0],
                one["Copyright"],
                one.get("Comment", ""),
            )
            for one in every
            if "Files" in one
        ]
        self.texts = {one["License"].split("\n")[0] for one in every if "License" in one and "\n" in one["License"]}

    def of(self, path: str) -> Paragraph:
        """The paragraph of a file: the last one that fits."""
        return [p for p in self.paragraphs if any(fnmatchcase(path, pattern) for pattern in p.patterns)][-1]


def missing_files(copyright: Copyright, vendor: Path) -> list[str]:
    """The vendored files that only the paragraph about ours fits. C{Crypto} is ours."""
    paths = [path.relative_to(vendor) for path in vendor.rglob("*") if path.is_file()]
    return [
        str(path)
        for path in paths
        if path.parts[0] != "Crypto" and copyright.of(f"vendor/{path.as_posix()}").patterns == [OURS]
    ]


def missing_crates(copyright: Copyright, components: list[dict[str, object]]) -> list[str]:
    """The crates of an SBOM that no paragraph of their licence names."""
    wrong = []
    for component in components:
        stated = json.dumps(component["licenses"])
        for spdx in (spdx for spdx in NAMES if re.search(rf"\b{re.escape(spdx)}\b", stated)):
            named = " ".join(p.comment for p in copyright.paragraphs if p.licence == NAMES[spdx])
            words = set(re.findall(r"[A-Za-z0-9_-]+", named)) | {
                path.split("/")[2] for p in copyright.paragraphs for path in p.patterns if path.count("/") == 3
            }
            if component["name"] not in words:
                wrong.append(f"{component['name']}: {spdx}")
        if not any(re.search(rf"\b{re.escape(spdx)}\b", stated) for spdx in NAMES):
            wrong.append(f"{component['name']}: unknown licence {stated}")
    return wrong


def main() -> int:
    """The status to exit with."""
    unpacked = Path(sys.argv[1])
    copyright = Copyright((unpacked / "usr/share/doc/neon/copyright").read_text())
    sbom = json.loads((unpacked / "usr/share/doc/neon/nh3.cyclonedx.json").read_text())
    components = [one for one in sbom["components"] if one["name"] != "nh3"]
    wrong = missing_files(copyright, unpacked / "usr/lib/neon/vendor") + missing_crates(copyright, components)
    sys.stderr.write("".join(f"debian/copyright lacks {one}\n" for one in wrong))
    return 1 if wrong or not components else 0


if __name__ == "__main__":
    sys.exit(main())
