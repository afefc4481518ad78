"""The program C{neonctl}."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence

from neon.ctl import parser
from neon.ctl.exits import DONE, FAILED, Ending, Refused


def main(argv: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Run; returns the exit status (L{neon.ctl.exits})."""
    options = parser.build().parse_args(argv)
    if options.verb == "completion":
        from neon.ctl.completion import script

        sys.stdout.write(script(options.shell))
        return DONE
    try:
        if options.verb == "operator" and options.what == "wsdl":
            from neon.ctl.operators import wsdl

            wsdl(options)
            return DONE
        if options.verb == "autostart":
            from neon.ctl import autostart

            autostart.verb(options, environ)
            return DONE
        if options.verb == "brand":
            from neon.ctl import brands

            brands.verb(options)
            return DONE
        if options.verb in ("doctor", "bug-report"):
            return _look(options, environ)
        return _run(options, environ)
    except Ending as ending:
        _complain(options, ending)
        if options.verb == "open" and not sys.stderr.isatty():
            # A link was clicked: standard error is nowhere.
            from neon.ctl.browser import tell

            tell(str(ending), environ)
        return ending.status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever reads us has seen enough; Python must not find that out once more while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


def _run(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    from neon.ctl.connection import connect
    from neon.ctl.verbs import VERBS
    from neon.places import likely_sockets

    neon = connect(likely_sockets(environ, options.state_dir), options.timeout)
    try:
        VERBS[options.verb](options, neon)
    finally:
        neon.close()
    return DONE


def _look(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """The verbs that are there for when nothing works, so that they do without a daemon."""
    if options.verb == "doctor":
        from neon.ctl.doctor import doctor

        return DONE if doctor(options, environ) else FAILED
    from neon.ctl.bugreport import bug_report

    bug_report(options, environ)
    return DONE


def _complain(options: argparse.Namespace, ending: Ending) -> None:
    if options.json:
        code = {"code": ending.code} if isinstance(ending, Refused) else {}
        error = {**code, "description": getattr(ending, "description", str(ending)), "status": ending.status}
        sys.stdout.write(json.dumps({"error": error}, ensure_ascii=False) + "\n")
    sys.stderr.write(f"neonctl: {ending}\n")


def run() -> None:
    """The console script."""
    sys.exit(main())


if __name__ == "__main__":
    run()
