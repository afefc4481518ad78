#!/bin/bash
# Builds the documentation in English, Portuguese and Spanish, and fails on any warning or missing translation.
#
# usage: tools/docs.sh [DIR]      (docs/_build; $PYTHON is the interpreter with Sphinx)
set -eu
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
python=${PYTHON:-.venv/bin/python}
out=${1:-docs/_build}
"$python" -m sphinx -W --keep-going -q -b gettext docs "$out/gettext"
"$python" tools/translations.py "$out/gettext"
"$python" -m sphinx -W --keep-going -q -b html docs "$out/html"
for language in pt_BR es; do
    "$python" -m sphinx -W --keep-going -q -b html -D language=$language docs "$out/html/$language"
done
echo "The documentation is in $out/html."
