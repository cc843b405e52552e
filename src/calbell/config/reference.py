"""The reference page: every variable, its default, what is allowed and what it means."""

from calbell.config.variables import VARIABLES

_INTRODUCTION = """\
# Configuration

<!-- Made by `python -m calbell.config`; edit src/calbell/config/ instead. -->

Calbell is configured by environment variables. A `.env` file in the working directory is read as
well; where both set a variable, the environment's counts.

- **From a file.** Every variable can be given as `NAME_FILE` instead: its value is then that file's
  content, without a newline at the end. Meant for container secrets.
- **Empty.** An empty value is the same as none: the default applies, unless said otherwise below.
- **Wrong.** A wrong value, or a `CALBELL_` variable that does not exist, stops the start with one
  line that says what is allowed, and exit code 2.
- **`.env`.** One `NAME=value` a line, also after `export`. `#` begins a comment at the start of a
  line or after a space. `'...'` is taken as it is; in `"..."`, `\\n` is a new line and `\\` before
  another character stands for that character. Nothing is expanded; no value spans two lines.
- **Kubernetes** sets variables such as `CALBELL_PORT` by itself for a Service named `calbell`: name
  it otherwise, or set `enableServiceLinks: false` in the pod.

| variable | default | allowed | meaning |
| --- | --- | --- | --- |
"""


def page() -> str:
    """The reference page, in Markdown."""
    return _INTRODUCTION + "".join(
        f"| `{variable.name}` | {f'`{variable.default}`' if variable.default else 'none'} "
        f"| {variable.kind.allowed} | {variable.about} |\n"
        for variable in VARIABLES.values()
    )
