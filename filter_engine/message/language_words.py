# ruff: noqa: E501, RUF001  # a table to read, of letters that look alike
"""What tells languages apart: words that are in every text, and letters that few languages have.

Codes are those of ISO 639-1. Words are as ``split_words`` gives them: lower case, no apostrophes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

COMMON_WORDS: Final[Mapping[str, str]] = {
    "bg": "и на да за се от че не по това което със или този тази бъде още като само ще беше сме сте ви той какво вашия вашата може",
    "be": "і ў не на што гэта каб як для ён яна яны было быў былі пры ад гэтага вы мы ваш ваша таксама можа толькі або",
    "ca": "i el la els les de que en amb per una un no és són al dels les seva aquest aquesta però també més molt com si ha han vostè",
    "cs": "a je se na že to v do s z jsem jste jsou by byl nebo pro jako ale ve který která které už jen tak při vám vás vaše není bude můžete",
    "da": "og i at det er en til på som de med for af ikke der den har vi jeg du kan et var om dig dit din vores eller fra skal være blev efter",
    "de": "der die das und ist nicht ein eine einen mit von zu den dem für auf sie ich wir im sich auch es an als bei wird sind oder wenn nach ihre ihr haben",
    "en": "i my me just the of and to in is that for it you with on as are this be your from have or not we at an by if can will has our was all but they what which",
    "es": "de la que el en y a los se del las un por con no una su para es al lo como más pero sus le ya o este sí porque esta cuando muy usted está",
    "et": "ja on ei et see oli kui ta ka mis oma aga või ning seda siis nii kes mida saab teie meie olen kas välja veel pole palun",
    "fi": "ja on ei että se oli hän mutta ovat joka kuin myös tai niin olla mitä sen ole voi kun jos sinun teidän meidän tämä ovat sekä vain",
    "fr": "de la le et les des en un du une que est pour qui dans par plus pas au sur ne se ce il sont avec vous nous votre ou mais aux cette être leur",
    "hr": "i je da se na u za su od s kao ali bi ne koji koja što iz ili biti samo to već vas vaš može nije sam smo ste kako prema",
    "hu": "a az és hogy nem is egy van ez meg csak de ha mint volt már vagy el kell még mert ön azt lesz minden amely vagyok után ezt nincs",
    "id": "yang dan di ini itu dengan untuk tidak dari dalam akan pada juga ke karena ada saya anda kami bisa oleh atau sudah telah mereka adalah",
    "it": "di e il la che in a per un è non una i del le con si da al come più ma anche gli alla dei sono lo questo nel della ha o su se delle ti suo",
    "lt": "ir kad yra į iš su bet tai kaip ne buvo jis tik dar apie savo jau gali už nuo po ar jūsų mes taip pat arba šis per",
    "lv": "un ir ka ar no par uz bet tas kas nav vai lai arī var pie to kā jūs jūsu mēs viņš šis bija tikai jau tiek pēc vairāk",
    "mk": "и на да се во од за со не што ќе или како тоа тој таа беше сме сте овој ова само може по вашата би",
    "nl": "de het een en van in is dat op te niet voor met zijn die aan er ik je om ook als u wij ze naar maar hebben bij uw wordt door kan deze of nog",
    "no": "og i det er til på som en for av ikke med at de har jeg vi du kan et den var om fra meg deg ditt din eller etter hvis skal være ble noe",
    "pl": "i w na się z nie to do że jest o jak po co a ale za od przez czy są dla tylko już jego ma tak lub być może był oraz pan państwa",
    "pt": "de que e o a do da em um para com não uma os no se na por mais as dos como mas foi ao ele das tem seu sua ou ser você está são",
    "ro": "și de la în pe cu o că nu este un din care se pentru mai au să fi ca sau al ale am dar sunt dumneavoastră vă aceasta acest lui după si va",
    "ru": "и в не на что с по это как для к из у мы вы от за но он все было так вас если или ваш также может бы только был они",
    "sk": "a je sa na že to v do s z som ste sú by bol alebo pre ako ale vo ktorý ktorá ktoré už len tak pri vám vás vaše nie bude môžete",
    "sl": "in je da se na v za so ki kot z od pa po tudi ali če bi ne že bo samo iz pri vas vaš lahko ni sem smo ste kako",
    "sr": "и је да се на у за су од с као али би не који која што из или бити само то већ вас ваш може није сам смо сте",
    "sv": "och i att det som en på är av för med den till inte har de ett om var jag ni du kan vi man din ditt eller från ska vara blev efter när också",
    "tr": "ve bir bu da için de ile çok ne gibi daha olarak var ama kadar değil en olan sonra ben siz sizin veya mi her o şey ya göre olduğu",
    "uk": "і в не на що з та як до у за від це про ви ми для або але він вона вони було так якщо ваш також може бути який тільки ще",
    "vi": "và của là có không được cho các một người trong với những để đã này khi ông tôi bạn thì sẽ từ cũng về như nhiều chúng vào đến",
}  # fmt: skip
LETTERS: Final[Mapping[str, str]] = {
    "bg": "ъщ", "be": "ўі", "ca": "çàòŀ", "cs": "ěřůť", "da": "æøå", "de": "ßäöü", "es": "ñ¿¡",
    "et": "õ", "fi": "äö", "fr": "çèêœ", "hr": "đćžčš", "hu": "őű", "it": "ìò", "lt": "ėųįū",
    "lv": "ķļņģē", "mk": "ѓќѕ", "nl": "ĳ", "no": "æøå", "pl": "łąęśżź", "pt": "ãõç", "ro": "țșăţş",
    "ru": "ыэё", "sk": "ľĺŕô", "sl": "čšž", "sr": "ђћџј", "sv": "åäö", "tr": "ğıış", "uk": "їєґі",
    "vi": "ạảấầẩậắặẹẻẽếềệịọỏốồộớờợụủứừựỳỵđơư",
}  # fmt: skip
"""Letters that speak for a language; most speak for several."""
SCRIPTS: Final[tuple[tuple[str, str], ...]] = (
    ("\u3041-\u30ff\uff66-\uff9f", "ja"),
    ("\uac00-\ud7a3\u1100-\u11ff", "ko"),
    ("\u4e00-\u9fff\u3400-\u4dbf", "zh"),
    ("\u0370-\u03ff\u1f00-\u1fff", "el"),
    ("\u0590-\u05ff", "he"),
    ("\u067e\u0686\u0698\u06a9\u06af\u06cc", "fa"),
    ("\u0600-\u06ff", "ar"),
    ("\u0900-\u097f", "hi"),
    ("\u0980-\u09ff", "bn"),
    ("\u0b80-\u0bff", "ta"),
    ("\u0c00-\u0c7f", "te"),
    ("\u0e00-\u0e7f", "th"),
    ("\u10a0-\u10ff", "ka"),
    ("\u0530-\u058f", "hy"),
)
"""Ranges of letters of a regular expression, and the language that they are taken for."""
