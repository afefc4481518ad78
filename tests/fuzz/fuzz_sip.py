"""Fuzzes the phone's SIP side, from the door to dialogs and registrar client, as L{tests.fuzz.target} has them.

With atheris (C{pip install 'neon-softphone[fuzz]'}), guided by coverage, the corpus as seeds and a dictionary::

    python -m tests.fuzz.fuzz_sip --seconds 600

C{--plain} uses a mutator of our own instead, which needs nothing; it is also what happens where there is no atheris.
What breaks the phone is written to C{tests/fuzz/crashers}, where C{tests.fuzz.test_replay} finds it.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
CORPORA = (HERE.parent / "data" / "torture", HERE / "seeds", HERE / "crashers")
DICTIONARY = HERE / "sip.dict"
LONGEST = 4096


def inputs() -> list[Path]:
    """Every kept input: the corpus, the seeds and what once broke the phone."""
    return sorted(path for folder in CORPORA for path in folder.glob("*.sip"))


def words() -> list[bytes]:
    """The dictionary's words."""
    lines = DICTIONARY.read_text().splitlines()
    quoted = [line.partition("=")[2].strip()[1:-1] for line in lines if line and not line.startswith("#")]
    return [word.encode().decode("unicode_escape").encode("latin-1") for word in quoted]


def mutate(data: bytes, dice: random.Random, seeds: list[bytes], dictionary: list[bytes]) -> bytes:
    """A relative of C{data}: pieces cut, doubled, swapped with another seed's, bytes changed, words put in."""
    for _ in range(dice.randint(1, 5)):
        start = dice.randint(0, len(data))
        end = min(len(data), start + dice.choice((0, 1, 2, 8, 40, 200)))
        other = dice.choice(seeds)
        middle = dice.randint(0, len(other))
        lines = data.split(b"\r\n")
        kind = dice.randrange(6)
        if kind == 0:
            piece = b""
        elif kind == 1:
            piece = data[start:end] * dice.choice((2, 2, 3, 30))
        elif kind == 2:
            piece = dice.choice(dictionary)
        elif kind == 3:
            piece = dice.randbytes(dice.randint(1, 4))
        elif kind == 4:
            piece = other[middle : middle + dice.randint(1, 200)]
        else:
            # Whole lines are what SIP is made of: take one out, double it, move it.
            line = lines.pop(dice.randrange(len(lines)))
            for _ in range(dice.choice((0, 1, 2))):
                lines.insert(dice.randint(0, len(lines)), line)
            data = b"\r\n".join(lines)
            continue
        data = data[:start] + piece + data[end:]
    return data[:LONGEST]


def keep(data: bytes) -> Path:
    """Keep what broke the phone; returns where."""
    folder = HERE / "crashers"
    folder.mkdir(exist_ok=True)
    path = folder / f"found-{hashlib.sha256(data).hexdigest()[:12]}.sip"
    path.write_bytes(data)
    return path


def plain(seconds: float, seed: int) -> int:
    """Mutate and run for so much processor time; returns how many inputs broke the phone."""
    from tests.fuzz.target import run

    dice = random.Random(seed)
    seeds = [path.read_bytes() for path in inputs()]
    dictionary = words()
    began, runs, broken = time.process_time(), 0, 0
    while time.process_time() - began < seconds:
        data = mutate(dice.choice(seeds), dice, seeds, dictionary)
        runs += 1
        try:
            run(data)
        except Exception as error:
            broken += 1
            sys.stderr.write(f"{keep(data)}: {type(error).__name__}: {str(error)[:2000]}\n")
            if broken >= 20:
                break
    sys.stdout.write(f"{runs} executions in {time.process_time() - began:.0f} s of processor time, {broken} broke it\n")
    return broken


def guided(seconds: float, seed: int) -> None:
    """Let atheris do it; it ends the process, with a status other than 0 at the first input that breaks the phone."""
    import atheris

    # Only the branches of what is ours, or reads the network, are worth counting.
    with atheris.instrument_imports(include=["neon.sip", "sippy"]):
        from tests.fuzz.target import run

    def one(data: bytes) -> None:
        try:
            run(data)
        except Exception:
            sys.stderr.write(f"{keep(data)}\n")
            raise

    grown = tempfile.mkdtemp(prefix="neon-fuzz-")
    options = [
        f"-max_total_time={seconds:.0f}", f"-seed={seed}", f"-max_len={LONGEST}", f"-dict={DICTIONARY}",
        "-print_final_stats=1", f"-artifact_prefix={grown}/", "-timeout=20",
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *options, grown, *map(str, CORPORA)], one)
    atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="of processor time (default 60)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plain", action="store_true", help="without atheris")
    options = parser.parse_args()
    if not options.plain:
        try:
            import atheris  # noqa: F401
        except ImportError:
            sys.stderr.write("there is no atheris: the plain mutator runs instead\n")
        else:
            guided(options.seconds, options.seed)
            return
    raise SystemExit(1 if plain(options.seconds, options.seed) else 0)


if __name__ == "__main__":
    main()
