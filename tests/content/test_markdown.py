"""Markdown: what may stand on a page."""

from __future__ import annotations

import pytest

from content.markdown import count_words, reading_minutes, render


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("# One", "<h2>One</h2>"),
        ("##### Five", "<h6>Five</h6>"),
        ("###### Six", "<h6>Six</h6>"),
        ("Setext\n======", "<h2>Setext</h2>"),
        ("*a* **b** ~~c~~ `d`", "<p><em>a</em> <strong>b</strong> <s>c</s> <code>d</code></p>"),
        ("> q", "<blockquote>\n<p>q</p>\n</blockquote>"),
        ("3. x\n4. y", '<ol start="3">\n<li>x</li>\n<li>y</li>\n</ol>'),
    ],
)
def test_it_knows_the_usual_marks(source: str, expected: str) -> None:
    assert render(source).strip() == expected


def test_the_title_of_the_page_stays_its_only_first_heading() -> None:
    assert "<h1" not in render("# a\n\n## b\n\nc\n=\n")


def test_raw_html_is_shown_as_it_was_typed() -> None:
    html = render('<script>alert(1)</script>\n\nx <img src=x onerror="alert(1)"> <b style="color:red">y</b>')
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html
    assert "&lt;b style=" in html


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java&#115;cript:alert(1)",
        "&#x6A;avascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:msgbox(1)",
        "file:///etc/passwd",
        "ftp://example.org/x",
    ],
)
def test_no_link_leads_to_another_scheme(address: str) -> None:
    html = render(f"[link]({address}) ![image]({address}) <{address}>")
    assert "href=" not in html
    assert "src=" not in html


def test_links_say_that_they_owe_us_nothing() -> None:
    assert (
        render("[x](https://example.org 'T')")
        == '<p><a href="https://example.org" title="T" rel="noopener noreferrer">x</a></p>\n'
    )


def test_images_are_loaded_when_they_come_into_view() -> None:
    assert render("![a](/media/b.webp)") == '<p><img src="/media/b.webp" alt="a" loading="lazy"></p>\n'


def test_an_attribute_cannot_be_broken_out_of() -> None:
    html = render('![a" onerror="alert(1)](/x "t\\" onload=\\"alert(1)")')
    assert 'alt="a&quot; onerror=&quot;alert(1)"' in html
    assert html.count('="') == 4  # src, alt, title, loading


def test_tables_align_by_class_and_scroll_by_themselves() -> None:
    html = render("| a | b |\n|:-:|--:|\n| 1 | 2 |")
    assert html.startswith('<div class="table-scroll" tabindex="0"><table>')
    assert '<th class="align-center">a</th>' in html
    assert '<td class="align-right">2</td>' in html
    assert "style=" not in html


def test_code_is_kept_letter_by_letter_and_names_its_language() -> None:
    assert (
        render("```python\nif a < b: print('&')\n```")
        == '<pre tabindex="0"><code class="language-python">if a &lt; b: print(\'&amp;\')\n</code></pre>\n'
    )
    assert render("    indented") == '<pre tabindex="0"><code>indented\n</code></pre>\n'


def test_a_block_of_code_names_no_class_of_ours() -> None:
    assert "class=" not in render('```"onclick=x\n1\n```')


def test_deep_nesting_ends_in_time() -> None:
    assert len(render("> " * 5000 + "x" + "[" * 5000)) < 200_000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        ("# One *two* three", 3),
        ("l’été, aujourd’hui — well-known", 3),
        ("[two words](https://example.org/not-these 'nor this')", 2),
        ("see https://example.org/a/b now", 2),
        ("![alt](/media/covers/x.webp)", 1),
        ("| a | b |\n|---|---|\n| 1 | 2 |", 4),
        ("Привет, мир", 2),
    ],
)
def test_words_are_counted_as_people_count_them(text: str, words: int) -> None:
    assert count_words(text) == words


@pytest.mark.parametrize(("words", "minutes"), [(0, 1), (1, 1), (220, 1), (221, 2), (3000, 14)])
def test_reading_takes_whole_minutes(words: int, minutes: int) -> None:
    assert reading_minutes(words) == minutes
