"""Tables that services have alike come from templates, by one line of a schema file."""

import pytest

from shared.db.templates import TEMPLATES, expand, template


def test_a_line_stands_for_its_template() -> None:
    """The template takes the place of its line, with the words that it is given; all other text is left alone."""
    text = "CREATE TABLE a.b (c uuid, d jsonb DEFAULT '{}');\n-- template: jobs table=b key=c\n-- a comment\n"
    expanded = expand(text, "a")
    assert expanded.startswith("CREATE TABLE a.b (c uuid, d jsonb DEFAULT '{}');\n")
    assert "ALTER TABLE a.b\n" in expanded
    assert "SELECT c, kind, state" in expanded
    assert expanded.endswith("\n-- a comment\n")
    assert "{" not in expanded.replace("'{}'", "")


def test_words_may_have_defaults_and_spaces() -> None:
    """A word that a template has a default for may be left out, and one in quotes may hold several names."""
    assert "SELECT job_id, kind" in template("jobs", "a", table="b")
    assert "SELECT one, two, kind" in expand('-- template: jobs table=b key="one, two"', "a")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("-- template: outhouse", "no template called 'outhouse'"),
        ("-- template:", "no template called ''"),
        ("-- template: jobs", "the template jobs needs table="),
        ("-- template: jobs table=b colour=red", "the template jobs takes no 'colour'"),
        ("--template: jobs", "the template jobs needs table="),
    ],
)
def test_a_mistake_in_a_line_is_named(line: str, reason: str) -> None:
    """A template that does not exist, and words that it does not take or that it lacks, are told with the schema."""
    with pytest.raises(ValueError, match=f"stats: .*{reason}"):
        expand(line, "stats")


def test_every_template_says_what_it_takes() -> None:
    """The first line of each template lists its words, and the second says what it makes."""
    files = sorted(TEMPLATES.iterdir())
    assert files
    for file in files:
        first, second, *_ = file.read_text().splitlines()
        assert first.startswith("-- takes:"), file.name
        assert second.startswith("-- "), file.name
