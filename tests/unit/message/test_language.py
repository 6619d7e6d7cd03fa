# ruff: noqa: E501, RUF001  # sentences, of letters that look alike
"""The language of a text: short texts of the languages that mail is in."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.message import Message
from filter_engine.message.language import language_of, languages_of
from filter_engine.message.words import split_words

TEXTS = {
    "bg": "Здравейте, изпращаме ви документите, които поискахте, и ще се радваме да ви видим отново.",
    "ca": "Bon dia, us enviem els documents que vau demanar i esperem que tot estigui bé amb vosaltres.",
    "cs": "Dobrý den, posíláme vám dokumenty, o které jste žádali, a těšíme se na vaši odpověď.",
    "da": "Hej, vi sender dig de dokumenter, som du har bedt om, og vi glæder os til at høre fra dig.",
    "de": "Guten Tag, anbei senden wir Ihnen die Unterlagen, um die Sie uns gebeten haben.",
    "en": "Hello, please find attached the documents that you asked for in your last message.",
    "es": "Buenos días, le enviamos los documentos que nos pidió y esperamos su respuesta.",
    "et": "Tere, saadame teile dokumendid, mida te palusite, ja ootame teie vastust.",
    "fi": "Hei, lähetämme teille asiakirjat, joita pyysitte, ja odotamme vastausta, kun se on valmis.",
    "fr": "Bonjour, nous vous envoyons les documents que vous avez demandés dans votre message.",
    "hu": "Jó napot, elküldjük azt a dokumentumot, amit kért, és várjuk a válaszát, ha már van.",
    "it": "Buongiorno, le inviamo i documenti che ci ha chiesto e restiamo in attesa di una risposta.",
    "lt": "Laba diena, siunčiame jums dokumentus, kurių prašėte, ir laukiame jūsų atsakymo.",
    "lv": "Labdien, nosūtām jums dokumentus, ko jūs lūdzāt, un gaidām jūsu atbildi par to.",
    "nl": "Goedendag, hierbij sturen wij u de documenten die u in uw bericht van ons vroeg.",
    "no": "Hei, vi sender deg dokumentene som du ba om, og ser fram til å høre hva du synes etter det.",
    "pl": "Dzień dobry, przesyłamy dokumenty, o które Państwo prosili, i czekamy na odpowiedź.",
    "pt": "Bom dia, enviamos os documentos que você pediu e aguardamos a sua resposta até amanhã.",
    "ro": "Bună ziua, vă trimitem documentele pe care le-ați cerut și așteptăm răspunsul dumneavoastră.",
    "ru": "Добрый день, мы отправляем вам документы, которые вы просили, и ждём вашего ответа.",
    "sk": "Dobrý deň, posielame vám dokumenty, o ktoré ste žiadali, a tešíme sa na vašu odpoveď.",
    "sv": "Hej, vi skickar dig de dokument som du har bett om och ser fram emot att höra från dig.",
    "tr": "Merhaba, istediğiniz belgeleri size gönderiyoruz ve bir yanıt için bekliyoruz.",
    "uk": "Добрий день, ми надсилаємо вам документи, які ви просили, і чекаємо на вашу відповідь.",
    "vi": "Xin chào, chúng tôi gửi cho bạn các tài liệu mà bạn đã yêu cầu và chờ câu trả lời của bạn.",
    "el": "Καλημέρα σας",
    "he": "שלום וברכה",
    "ar": "مرحبا بكم",
    "th": "สวัสดีครับ",
    "ja": "こんにちは、資料を送ります",
    "ko": "안녕하세요",
    "zh": "你好,请查收附件",
}


@pytest.mark.parametrize("language", TEXTS)
def test_a_sentence(language: str) -> None:
    assert language_of(split_words(TEXTS[language])) == language


@pytest.mark.parametrize("text", ["", "ok", "12 34 56", "qqq xxx zzz kkk", "Invoice 4711 Acme Ltd"])
def test_what_cannot_be_told(text: str) -> None:
    assert language_of(split_words(text)) == ""


@given(st.text())
def test_any_text_has_one_answer(text: str) -> None:
    assert language_of(split_words(text)) in {"", "be", "fa", "hi", "bn", "ta", "te", "ka", "hy",
                                              "hr", "id", "mk", "sl", "sr", *TEXTS}  # fmt: skip


def test_each_language_of_a_message_once() -> None:
    parts = "".join(
        f"--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{TEXTS[language]}\r\n"
        for language in ("de", "fr", "de")
    )
    head = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
    assert languages_of(Message(f"{head}{parts}--x--\r\n".encode())) == ["de", "fr"]


def test_a_scanner_that_is_not_asked_holds_no_tables() -> None:
    program = (
        "import sys; from filter_engine import checks, scanner; checks.load();"
        "print('filter_engine.message.language' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"False"
