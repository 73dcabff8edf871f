"""Numbers, names and denials: what a likeness of words does not see."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.summarizing.facts import missing_facts
from webapp.summarizing.language import COMMON_WORDS
from webapp.summarizing.negation import NEGATORS, is_negation_odd
from webapp.summarizing.numbers import is_among, numbers, values
from webapp.summarizing.statements import statements
from webapp.summarizing.terms import common_length, plain, script_of, terms


class Lexicon:
    """A document that knows nothing of a word, or that it is a name, or that it is everywhere."""

    def __init__(self, *names: str, everywhere: str = "") -> None:
        self.names = names
        self.everywhere = everywhere

    def is_name(self, word: str) -> bool:
        return word in self.names

    def is_everywhere(self, word: str) -> bool:
        return word == self.everywhere


def missing(sentence: str, passages: str, language: str | None = "English", *names: str) -> tuple[str, ...]:
    return missing_facts(sentence, passages, language, Lexicon(*names))


SAME_NUMBERS = [
    ("It cost 1,000 euros.", "1.000 Euro"),
    ("It cost 1000 euros.", "1 000 euros"),
    ("It cost 1000 francs.", "1'000 Franken"),
    ("It cost 1000 euros.", "one thousand euros"),
    ("It has 1.5 million members.", "1,500,000 members"),
    ("It has 1,5 Millionen Mitglieder.", "1.500.000 Mitglieder"),
    ("It has 2 million members.", "2.1 million members"),
    ("It has 10 Millionen.", "zehn Millionen"),
    ("It rose by 12%.", "12 percent"),
    ("It rose by 12%.", "12.3 %"),
    ("It rose by 20 %.", "zwanzig Prozent"),
    ("There were 25 of them.", "twenty-five of them"),
    ("Es waren 25.", "fünfundzwanzig"),
    ("In the 1990s.", "since 1990"),
    ("The 3rd of them.", "the third"),
    ("Die 3. Auflage.", "die dritten"),
    ("On 10 March 2020.", "2020-03-10"),
    ("On 2020-03-10.", "10. März 2020"),
    ("10.03.2020", "March 10, 2020"),
    ("有1200艘船", "一千二百艘"),
    ("有3万人", "30000人"),
    ("1.3亿人", "一亿三千万人"),
    ("占20%", "百分之二十"),
    ("１２人", "12人"),
    ("١٢", "12"),
    ("1,00,000 rupees", "100,000 rupees"),
    ("It weighs 5m.", "5 million"),
    ("It is 5m long.", "5 metres"),
    ("Half of 12 is 6.", "a dozen, six"),
    ("Il y en a 7.", "sept"),
]


@pytest.mark.parametrize(("sentence", "passage"), SAME_NUMBERS)
def test_a_number_is_the_same_in_each_notation(sentence: str, passage: str) -> None:
    assert missing(plain(sentence), plain(passage)) == ()


OTHER_NUMBERS = [
    ("It cost 1,000 euros.", "1,001 euros", "1,000"),
    ("It cost 1.5 million euros.", "1.5 billion euros", "1.5 million"),
    ("It cost 1.5 million euros.", "1.5 thousand euros", "1.5 million"),
    ("It cost 3.5 euros.", "35 euros", "3.5"),
    ("It cost 3,4 euros.", "3.5 euros", "3,4"),
    ("In 1990.", "in 1991", "1990"),
    ("On 2020-03-10.", "10. April 2020", "03"),
    ("It rose by 13%.", "12.3 %", "13"),
    ("There were 12.", "one, two", "12"),
    ("There were 21.", "twenty, then one hundred", "21"),
    ("有1300艘船", "一千二百艘", "1300"),
]


@pytest.mark.parametrize(("sentence", "passage", "number"), OTHER_NUMBERS)
def test_another_number_is_missing_as_it_stands_in_the_sentence(
    sentence: str, passage: str, number: str
) -> None:
    assert missing(sentence, passage) == (number,)


COUNTED = {
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty": "There were {} ships.",
    "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn "
    "achtzehn neunzehn zwanzig": "Es waren {} Schiffe.",
}  # fmt: skip


@pytest.mark.parametrize("words", COUNTED)
def test_digits_and_words_agree_up_to_twenty(words: str) -> None:
    for number, word in enumerate(words.split()):
        assert missing(COUNTED[words].format(number), COUNTED[words].format(word)) == ()
        assert missing(COUNTED[words].format(word), COUNTED[words].format(number)) == ()
        if number > 2:
            assert missing(COUNTED[words].format(number + 40), COUNTED[words].format(word)) == (
                str(number + 40),
            )


@given(st.integers(min_value=1, max_value=10**12), st.sampled_from([",", ".", " ", "'", ""]))
def test_thousands_are_read_with_any_separator(number: int, separator: str) -> None:
    written = f"{number:,}".replace(",", separator)
    assert Decimal(number) in values(f"There were {written} of them")
    (found,) = numbers(f"x {written} y")
    assert is_among(found, {Decimal(number)})
    assert not is_among(found, {Decimal(number + 1)})


@given(st.text(alphabet="0123456789.,' -:/ kmn万亿千十百二eE٣²½\n", max_size=60))
def test_no_string_of_digits_and_marks_is_too_odd(text: str) -> None:
    for number in numbers(text):
        assert text[number.start : number.end][0].isdecimal()
        assert is_among(number, values(text))


def test_digits_within_a_word_are_no_number() -> None:
    assert missing("They drank H2O from B52 cups.", "They drank h2o from b52 cups.") == ()
    assert missing("The web3.0 and the 3D view.", "The Web 3.0 had a 3D view.") == ()
    assert missing("They drank H2O.", "They drank water.") == ("H2O",)


def test_a_name_is_told_by_its_capital_and_missed_as_it_stands() -> None:
    assert missing("Today Barack Obama met iCaRL and the WHO in Paris.", "Today he met a boss.") == (
        "Barack Obama",
        "iCaRL",
        "WHO",
        "Paris",
    )
    assert missing("Today Barack Obama spoke.", "Obama, Barack") == ()
    assert missing("It is Obama's house.", "the Obamas") == ()


def test_any_word_may_begin_a_sentence() -> None:
    assert missing("Researchers found a comet.", "A comet was found.") == ()
    assert missing("Gurn found a comet.", "A comet was found.", "English", "Gurn") == ("Gurn",)
    assert missing('He said: "Nobody came."', "He said that none came.") == ()


def test_a_headline_has_capitals_without_names() -> None:
    assert missing("Better Support For Families And Schools", "families get better support") == ()
    assert missing("In May Ann Lee met Bob Miller.", "In May Ann Lee met him.") == ("Bob Miller",)


def test_what_letters_stand_for_is_no_missing_name() -> None:
    assert missing("It is run by the WHO.", "by the World Health Organization") == ()
    assert missing("We train two GANs.", "a GAN is trained") == ()
    assert plain("the U.S. and the E.U.") == "the US and the EU"


def test_german_nouns_are_no_names() -> None:
    assert (
        missing("Heute lesen viele Menschen eine Zeitung am Morgen.", "Man liest früh Blätter.", "German")
        == ()
    )
    assert missing("Heute sprach Angela Merkel zum Volk.", "Die Kanzlerin sprach zum Volk.", "German") == (
        "Angela Merkel",
    )
    assert missing("Das haben heute 10 Millionen Mitglieder.", "Es sind 10 Millionen.", "German") == ()
    assert missing("Das war Anfang Oktober.", "Im Herbst war das.", "German") == ()


def test_who_is_everywhere_is_not_missing() -> None:
    assert missing_facts("Then Noork left.", "He left.", "English", Lexicon(everywhere="Noork")) == ()


SENTENCES = {
    "English": ("The council did not approve the budget.", "The council approved the budget."),
    "German": ("Der Rat hat den Haushalt nicht beschlossen.", "Der Rat hat den Haushalt beschlossen."),
    "French": ("Le conseil n’approuve pas le budget.", "Le conseil approuve le budget."),
    "Spanish": ("El consejo no aprobó el presupuesto.", "El consejo aprobó el presupuesto."),
    "Italian": ("Il consiglio non approva il bilancio.", "Il consiglio approva il bilancio."),
    "Portuguese": ("O conselho não aprovou o orçamento.", "O conselho aprovou o orçamento."),
    "Dutch": ("De raad keurde de begroting niet goed.", "De raad keurde de begroting goed."),
    "Polish": ("Rada nie zatwierdziła budżetu.", "Rada zatwierdziła budżet."),
    "Czech": ("Rozpočet není schválen radou.", "Rozpočet je schválen radou."),
    "Swedish": ("Rådet godkände inte budgeten.", "Rådet godkände budgeten."),
    "Danish": ("Rådet godkendte ikke budgettet.", "Rådet godkendte budgettet."),
    "Norwegian": ("Rådet godkjente ikke budsjettet.", "Rådet godkjente budsjettet."),
    "Finnish": ("Neuvosto ei hyväksynyt talousarviota.", "Neuvosto hyväksyi talousarvion."),
    "Hungarian": ("A tanács nem fogadta el a költségvetést.", "A tanács elfogadta a költségvetést."),
    "Romanian": ("Consiliul nu a aprobat bugetul.", "Consiliul a aprobat bugetul."),
    "Vietnamese": ("Hội đồng không thông qua ngân sách.", "Hội đồng thông qua ngân sách."),
    "Indonesian": ("Dewan tidak menyetujui anggaran.", "Dewan menyetujui anggaran."),
    "Turkish": ("Bütçe meclis için uygun değil.", "Bütçe meclis için uygun."),
    "Russian": ("Совет не утвердил бюджет.", "Совет утвердил бюджет."),
    "Ukrainian": ("Рада не затвердила бюджет.", "Рада затвердила бюджет."),
    "Greek": ("Το συμβούλιο δεν ενέκρινε τον προϋπολογισμό.", "Το συμβούλιο ενέκρινε τον προϋπολογισμό."),
    "Hebrew": ("המועצה לא אישרה את התקציב.", "המועצה אישרה את התקציב."),
    "Arabic": ("المجلس لم يوافق على الميزانية.", "المجلس وافق على الميزانية."),
    "Persian": ("بودجه در شورا تصویب شده نیست.", "بودجه در شورا تصویب شده است."),
    "Urdu": ("کونسل نے بجٹ منظور نہیں کیا۔", "کونسل نے بجٹ منظور کیا۔"),
    "Chinese": ("议会没有批准预算。", "议会批准了预算。"),
    "Japanese": ("議会は予算を承認しませんでした。", "議会は予算を承認しました。"),
    "Korean": ("의회는 예산을 승인하지 않았다.", "의회는 예산을 승인하였다."),
    "Thai": ("สภาไม่อนุมัติงบประมาณ", "สภาอนุมัติงบประมาณ"),
}  # fmt: skip


def test_each_language_with_common_words_has_its_negators() -> None:
    assert set(COMMON_WORDS) <= set(NEGATORS) == set(SENTENCES)


@pytest.mark.parametrize("language", SENTENCES)
def test_a_not_in_one_and_none_in_the_other_is_odd(language: str) -> None:
    denied, stated = SENTENCES[language]
    assert is_negation_odd(denied, [stated], language)
    assert is_negation_odd(stated, [denied], language)
    assert not is_negation_odd(denied, [denied], language)
    assert not is_negation_odd(stated, [stated], language)
    assert not is_negation_odd(denied, [stated, denied], language)


def test_a_not_about_something_else_does_not_count() -> None:
    passage = "Nobody in the village spoke of it again, but the council approved the budget within a week of spring."
    assert not is_negation_odd("The council approved the budget within a week.", [passage], "English")
    assert is_negation_odd("The council did not approve the budget within a week.", [passage], "English")


def test_no_language_no_verdict_on_a_not() -> None:
    assert not is_negation_odd("It is not so.", ["It is so."], None)
    assert not is_negation_odd("It is not so.", ["It is so."], "Klingon")
    assert not is_negation_odd("It is not so.", [], "English")


def test_chinese_words_that_only_look_like_denials_deny_nothing() -> None:
    assert not is_negation_odd("不过议会批准了预算。", ["议会批准了预算。"], "Chinese")
    assert not is_negation_odd("议会批准了未来的预算。", ["议会批准了预算。"], "Chinese")


@pytest.mark.parametrize(
    ("marked", "read"),
    [
        ("**Bold** and *slanted*, __both__ `code`.", "Bold and slanted, both code."),
        ("See [the page](https://a.example/x_y?z=1) now.", "See the page now."),
        ("A picture ![of a cat](cat.png).", "A picture of a cat."),
        ("**Al**ice came.[12] And so[S3, S4].", "Alice came.  And so ."),
        ("3*4 and snake_case stay.", "3*4 and snake_case stay."),
        ("Ｆｕｌｌ　ｗｉｄｔｈ", "Full width"),
    ],
)
def test_a_plain_sentence_reads_without_its_marks(marked: str, read: str) -> None:
    assert plain(marked) == read


def test_terms_are_prefixes_values_and_characters() -> None:
    assert terms("Libraries cost 1.5 million, or 1,500,000.") == [
        "librar",
        "cost",
        "1500000",
        "or",
        "1500000",
    ]
    assert terms("图书馆") == ["图", "书", "馆"]
    assert terms("ひらがな 한국어") == ["ひら", "らが", "がな", "한국", "국어"]
    assert terms("3.50") == terms("3.5") != terms("350")


@given(st.text(alphabet="abc", max_size=30), st.text(alphabet="abc", max_size=30))
def test_the_common_length_is_that_of_the_longest_common_subsequence(one: str, other: str) -> None:
    table = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            table[i + 1][j + 1] = table[i][j] + 1 if a == b else max(table[i][j + 1], table[i + 1][j])
    assert common_length(list(one), list(other)) == table[-1][-1]


def test_scripts_are_told_apart() -> None:
    assert [script_of(text) for text in ("Text 1", "Текст", "文字かな", "نص", "123 .")] == [
        "LATIN",
        "CYRILLIC",
        "CJK",
        "ARABIC",
        "",
    ]


def test_a_line_of_the_embedded_engine_is_one_statement() -> None:
    text = "  First. Still first.\n\n---\nSecond."
    assert [span.of(text) for span in statements(text, "sentences")] == ["First. Still first.", "Second."]


def test_a_bullet_in_bold_is_a_statement_and_a_bold_line_a_heading() -> None:
    text = "**A heading**\n\n- **The harbour opened.**\n\n**It closed again.**\n\n__Summary:__\n\n# Title. And more\n"
    assert [span.of(text) for span in statements(text, "markdown")] == [
        "**The harbour opened.**",
        "**It closed again.**",
    ]
