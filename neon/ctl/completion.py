"""Completions of neonctl for bash, zsh and fish, made from its parser: C{neonctl completion bash}.

They know the verbs, what C{origin} and C{app} do, the options and their choices; files where a file is wanted; and
where a CALLID is wanted they ask the daemon which calls there are.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Final

from neon.ctl import parser

CALL_IDS: Final = "neonctl calls 2>/dev/null | sed -n 's/^\\([0-9][0-9]*\\) .*/\\1/p'"
"""A pipe that lists the callIds."""


def script(shell: str) -> str:
    """The text to put where the shell looks for it, or to source."""
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](parser.build())


def _paths(built: argparse.ArgumentParser) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    """Every parser under its verb, with the words that lead to it."""
    yield (), built
    for name, verb in parser.subcommands(built).items():
        yield (name,), verb
        for what, inner in parser.subcommands(verb).items():
            yield (name, what), inner


def _options(parsed: argparse.ArgumentParser) -> list[argparse.Action]:
    return [action for action in parsed._actions if action.option_strings]


def _words(parsed: argparse.ArgumentParser) -> list[str]:
    """What may come next beside options: verbs, or the choices of a positional."""
    words = list(parser.subcommands(parsed))
    for action in parsed._actions:
        if not action.option_strings and action.choices and not isinstance(action, argparse._SubParsersAction):
            words += [str(choice) for choice in action.choices]
    return words


def _wants_call(parsed: argparse.ArgumentParser) -> bool:
    return any(not action.option_strings and "CALLID" in str(action.metavar) for action in parsed._actions)


def _is_file(action: argparse.Action) -> bool:
    return action.metavar in ("FILE", "DIR")


def _bash(built: argparse.ArgumentParser) -> str:
    cases: list[str] = []
    files: list[str] = []
    choices: list[str] = []
    for path, parsed in _paths(built):
        flags = [flag for action in _options(parsed) for flag in action.option_strings]
        calls = f" $({CALL_IDS})" if _wants_call(parsed) else ""
        cases.append(f'        "{" ".join(path)}") words="{" ".join([*_words(parsed), *flags])}{calls}" ;;')
        for action in _options(parsed):
            if _is_file(action):
                files += action.option_strings
            elif action.choices:
                named = " ".join(str(choice) for choice in action.choices)
                choices += [f'        {flag}) COMPREPLY=($(compgen -W "{named}" -- "$current")); return ;;'
                            for flag in action.option_strings]
    verbs = "|".join(parser.subcommands(built))
    groups = "|".join(name for name, verb in parser.subcommands(built).items() if parser.subcommands(verb))
    lines = [
        "# bash completion for neonctl; made by: neonctl completion bash",
        "_neonctl() {",
        '    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} path="" words="" word',
        "    case $previous in",
        f'        {"|".join(dict.fromkeys(files))}) COMPREPLY=($(compgen -f -- "$current")); return ;;',
        *dict.fromkeys(choices),
        "    esac",
        '    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
        "        case $path in",
        f'            "") case $word in {verbs}) path=$word ;; esac ;;',
        f'            {groups}) case $word in -*) ;; *) path="$path $word" ;; esac ;;',
        "        esac",
        "    done",
        "    case $path in",
        *cases,
        "    esac",
        '    COMPREPLY=($(compgen -W "$words" -- "$current"))',
        "}",
        "complete -F _neonctl neonctl",
    ]
    return "\n".join(lines) + "\n"


def _zsh(built: argparse.ArgumentParser) -> str:
    def spec(action: argparse.Action) -> str:
        told = _quoted(action.help or "").replace("[", "(").replace("]", ")").replace(":", "\\:")
        value = ""
        if action.nargs != 0:
            named = f"({' '.join(str(choice) for choice in action.choices)})" if action.choices else ""
            value = f":{str(action.metavar or 'value').lower()}:{'_files' if _is_file(action) else named or ' '}"
        return " ".join(f"'{flag}[{told}]{value}'" for flag in action.option_strings)

    def arguments(parsed: argparse.ArgumentParser) -> str:
        return " ".join(spec(action) for action in _options(parsed))

    lines = [
        "#compdef neonctl",
        "# zsh completion for neonctl; made by: neonctl completion zsh",
        "_neonctl() {",
        "    local curcontext=$curcontext state line",
        "    local -a verbs",
    ]
    lines += _zsh_level(built, "    ", arguments)
    lines += ["}", 'if [ "$funcstack[1]" = "_neonctl" ]; then _neonctl "$@"; else compdef _neonctl neonctl; fi']
    return "\n".join(lines) + "\n"


def _zsh_level(parsed: argparse.ArgumentParser, indent: str, arguments: object) -> list[str]:
    assert callable(arguments)
    below = parser.subcommands(parsed)
    if not below:
        rest = ""
        if _wants_call(parsed):
            rest = f" '*:callid:($({CALL_IDS.replace(chr(39), chr(34))}))'"
        elif words := _words(parsed):
            rest = f" ':choice:({' '.join(words)})'"
        return [f"{indent}_arguments {arguments(parsed)}{rest}"]
    lines = [
        f"{indent}_arguments -C {arguments(parsed)} ':command:->command' '*::argument:->argument'",
        f"{indent}case $state in",
        f"{indent}command)",
        f"{indent}    verbs=(",
        *(f"{indent}        '{name}:{_quoted(parser.about(parsed, name))}'" for name in below),
        f"{indent}    )",
        f"{indent}    _describe command verbs ;;",
        f"{indent}argument)",
        f"{indent}    case $line[1] in",
    ]
    for name, inner in below.items():
        lines += [f"{indent}    {name})", *_zsh_level(inner, indent + "        ", arguments), f"{indent}        ;;"]
    return [*lines, f"{indent}    esac ;;", f"{indent}esac"]


def _fish(built: argparse.ArgumentParser) -> str:
    lines = ["# fish completion for neonctl; made by: neonctl completion fish", "complete -c neonctl -f"]
    for path, parsed in _paths(built):
        below = parser.subcommands(parsed)
        here = " && ".join(f"__fish_seen_subcommand_from {word}" for word in path) or "__fish_use_subcommand"
        if below and path:
            here += f" && not __fish_seen_subcommand_from {' '.join(below)}"
        condition = f"-n '{here}'"
        lines += [
            f"complete -c neonctl {condition} -a {name} -d '{_quoted(parser.about(parsed, name))}'" for name in below
        ]
        if not below and (words := _words(parsed)):
            lines.append(f"complete -c neonctl {condition} -a '{' '.join(words)}'")
        if _wants_call(parsed):
            lines.append(f'complete -c neonctl {condition} -a "({CALL_IDS})"')
        for action in _options(parsed):
            if path and action.dest in ("json", "state_dir", "timeout", "help"):
                continue  # known already, for every verb
            flags = " ".join(f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}"
                             for flag in action.option_strings)
            value = "" if action.nargs == 0 else " -r -F" if _is_file(action) else " -x"
            named = f" -a '{' '.join(str(choice) for choice in action.choices)}'" if action.choices else ""
            told = f" -d '{_quoted(action.help or '')}'"
            lines.append(f"complete -c neonctl {condition if path else ''} {flags}{value}{named}{told}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Safe inside single quotes, for all three shells."""
    return text.replace("'", "")
