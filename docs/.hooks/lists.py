"""Lists are read as GitHub reads them: what belongs to an entry is indented by two or three spaces,
where Python-Markdown by itself wants four."""

from markdown import Extension, Markdown
from mkdocs.config.defaults import MkDocsConfig


class Lists(Extension):
    """An indentation of two spaces counts, and so does the number of the first entry."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802
        md.tab_length = 2
        # The parts of the parser have read the length when they were made.
        md.build_parser()
        md.parser.blockprocessors["olist"].LAZY_OL = False


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Before all other extensions, whose parts the new parser would not have."""
    config.markdown_extensions.insert(0, Lists())
    return config
