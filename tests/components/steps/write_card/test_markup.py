import html
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from podtune.plain_text import one_line
from podtune.steps.write_card.markup import Link, Name, Table, cell, code, escape, table

TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.text(
    "\\`*_[]()<>|~$&#+-=.:!1a \n\thttpswww/@\x00", max_size=40
)


def rendered(text: str) -> str:
    """As the Hub and KFP show it: GitHub's Markdown."""
    return str(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text))


@given(TEXTS)
def test_any_text_is_shown_literally_in_a_paragraph(text: str) -> None:
    shown = html.escape(one_line(text), quote=False).replace('"', "&quot;")

    assert rendered(escape(text)) == (f"<p>{shown}</p>\n" if shown else "")


@given(TEXTS, TEXTS)
def test_any_text_stays_in_its_cell(first: str, second: str) -> None:
    shown = rendered(table(Table(("a", Name(first)), [(Name(second), first), (second, "b")])))

    assert shown.count("<tr>") == 3
    assert shown.count("<td") == 4
    assert shown.count("<th") == 3  # thead and two headers


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("plain words, 81.80 and +0.37", "plain words, 81.80 and +0.37"),
        ("# no title", "\\# no title"),
        ("1. no list", "1\\. no list"),
        ("see https://example.org", "see https\\://example.org"),
        ("<script>alert(1)</script>", "\\<script\\>alert(1)\\</script\\>"),
        ("two\nlines\u202e", "two lines"),
    ],
)
def test_what_markdown_would_read_is_escaped(text: str, spelled: str) -> None:
    assert escape(text) == spelled


@pytest.mark.parametrize(("text", "spelled"), [("f1", "`f1`"), ("a|b", "a\\|b"), ("a`b", "a\\`b"), ("", "")])
def test_names_are_code_where_code_can_hold_them(text: str, spelled: str) -> None:
    assert code(text) == spelled


def test_links_are_links() -> None:
    link: Any = Link("a_b/c", "https://huggingface.co/a_b/c")

    assert cell(link) == "[a\\_b/c](https://huggingface.co/a_b/c)"
