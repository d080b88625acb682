"""Text of others shows what it is and does nothing: in HTML, Markdown, spreadsheets and terminals."""

from __future__ import annotations

import csv
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from bpexp.errors import ConfigError, visible
from bpexp.records.escaping import FORMULAS, code, csv_table, html, markdown, markdown_row, typed
from tests.support.payloads import PAYLOADS

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


class Seen(HTMLParser):
    """The tags, attributes and text of some HTML."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data

    def handle_comment(self, data):
        self.tags.append("comment")


@pytest.mark.parametrize("text", PAYLOADS)
def test_html_shows_the_text_inside_an_element_and_an_attribute(text: str) -> None:
    seen = Seen(f'<p title="{html(text)}">{html(text)}</p>')
    assert seen.tags == ["p"]
    assert seen.attributes == [("title", visible(text))]
    assert seen.text == visible(text)


@pytest.mark.parametrize("text", PAYLOADS)
def test_markdown_shows_the_text_in_a_line(text: str) -> None:
    seen = Seen(MARKDOWN.render(markdown(text)))
    assert seen.tags == ["p"]
    assert seen.text.strip("\n") == visible(" ".join(text.split()))


@pytest.mark.parametrize("text", PAYLOADS)
def test_markdown_shows_the_text_in_a_table_and_in_a_list(text: str) -> None:
    table = "\n".join([markdown_row(["a", "b"]), "| --- | --- |", markdown_row([text, "end"])])
    seen = Seen(MARKDOWN.render(f"{table}\n\n- {markdown(text)}\n"))
    assert seen.tags == ["table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td", "ul", "li"]
    shown = visible(" ".join(text.split()))
    assert [line for line in seen.text.splitlines() if line] == ["a", "b", shown, "end", shown]


@pytest.mark.parametrize("text", [*PAYLOADS, "`", "``a`", "lr=0.1 'run_name=a`b'"])
def test_a_command_stays_code(text: str) -> None:
    seen = Seen(MARKDOWN.render(code(text)))
    assert seen.tags == ["p", "code"]
    assert seen.text.strip("\n") == visible(" ".join(text.split()))


@pytest.mark.parametrize("text", PAYLOADS)
def test_a_spreadsheet_sees_text_and_no_formula(text: str) -> None:
    for delimiter in ",;\t":
        lines = csv_table([["name", text], ["1", text]]).splitlines()
        cells = [cell for row in csv.reader(lines, delimiter=delimiter) for cell in row]
        assert not [cell for cell in cells if cell.startswith(FORMULAS)]


def test_a_spreadsheet_sees_numbers_as_numbers() -> None:
    text = csv_table([["-0.50", "+3", "1e-05", "0.1", -2.5, 7, None, float("nan"), True, "[64, 64]", "1.2.3", "-"]])
    assert text == '-0.50,+3,1e-05,0.1,-2.5,7,,,True,"[64, 64]",1.2.3,\'-\n'


@pytest.mark.parametrize("text", PAYLOADS)
def test_a_terminal_is_given_no_commands(text: str) -> None:
    shown = visible(text)
    assert not [character for character in shown if ord(character) < 32 or 127 <= ord(character) < 160]
    assert "\u202e" not in shown
    assert str(ConfigError(text)) == shown


def test_letters_of_any_language_and_emoji_stay() -> None:
    text = (
        "données \u05e9\u05dc\u05d5\u05dd, \u4f60\u597d \N{WOMAN}\N{ZERO WIDTH JOINER}\N{MICROSCOPE}\N{NO-BREAK SPACE}"
    )
    assert visible(text) == text


def test_a_command_can_be_copied() -> None:
    words = ["-m", "lr=0.1,0.3", "seed=range(2)", "lr=tag(log, interval(0.001, 1))"]
    assert typed(words) == "python -m bpexp -m lr=0.1,0.3 'seed=range(2)' 'lr=tag(log, interval(0.001, 1))'"


def test_a_message_has_an_end() -> None:
    text = str(ConfigError(f"run_name {'x' * 10**6!r} is too long; shorten it"))
    assert len(text) < 4000
    assert text.startswith("run_name 'xxx")
    assert text.endswith("xxx' is too long; shorten it")
